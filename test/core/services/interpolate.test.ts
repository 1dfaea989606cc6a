import { expect } from 'chai';
import { interpolate, readEnvFile } from '../../../packages/core/src/services/interpolate.ts';

const rows: readonly (readonly [string, string, (readonly string[])?])[] = [
  ['plain', 'plain'],
  ['$A', 'a'],
  ['${A}', 'a'],
  ['$A_B', '', ['A_B']],
  ['x$$A', 'x$A'],
  ['${NONE:-d}', 'd'],
  ['${EMPTY:-d}', 'd'],
  ['${EMPTY-d}', ''],
  ['${NONE-d}', 'd'],
  ['${A:+y}', 'y'],
  ['${NONE:+y}', ''],
  ['${EMPTY+y}', 'y'],
  ['${A:?message}', 'a'],
  ['${NONE:?message}', '', ['NONE']],
  ['${NONE:-${A}}', 'a'],
  ['${NONE:-${OTHER:-z}}', 'z'],
  ['${NONE}', '', ['NONE']],
  ['$', '$'],
  ['${', '${'],
  ['${toString}', '', ['toString']],
];

describe('variables of compose files', () => {
  for (const [text, filled, unset = []] of rows) {
    it(text, () => {
      expect(interpolate(text, { A: 'a', EMPTY: '' })).to.deep.include({ text: filled, unset });
    });
  }

  it('reads .env files', () => {
    const text = '# c\nA=1\nexport B = two # note\r\nC="x # y"\nD=\'z\'\nE=\n1X=no\nF: f\n';
    expect(readEnvFile(text)).to.deep.equal({ A: '1', B: 'two', C: 'x # y', D: 'z', E: '', F: 'f' });
  });
});
