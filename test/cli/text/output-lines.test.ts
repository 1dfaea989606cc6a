import { expect } from 'chai';
import { outputLines } from '../../../packages/cli/src/text/output-lines.ts';

describe('lines of output', () => {
  const rows: readonly [text: string, lines: readonly string[]][] = [
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    [
      '(Reading database ... 5%\r(Reading database ... 100%\r(Reading database ... 7 files.)\n',
      ['(Reading database ... 7 files.)'],
    ],
    ['50%\r100%\r', ['100%']],
    ['\n \n\r\n', []],
    ['\u001b[31mred\u001b[0m\n', ['red']],
  ];
  for (const [text, lines] of rows) {
    it(`of ${JSON.stringify(text)}`, () => expect(outputLines(text)).to.deep.equal(lines));
  }
});
