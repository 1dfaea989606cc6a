import { expect } from 'chai';
import { readJsonText } from '../../packages/core/src/json-text.ts';

describe('JSON and where it is none', () => {
  for (const text of ['{}', '[1, "a"]', '\ufeff{"a": null}', '"x"']) {
    it(JSON.stringify(text), () => {
      expect(readJsonText(text)).to.deep.equal({ value: JSON.parse(text.replace('\ufeff', '')) });
    });
  }

  const rows: readonly (readonly [string, number])[] = [
    ['', 0],
    ['{', 1],
    ['{"a": }', 6],
    ['{"a": 1,}', 8],
    ['{"a" 1}', 5],
    ['[1, 2', 5],
    ['[1, x]', 4],
    ['{} {}', 3],
    ['{"a": "b\nc"}', 8],
    ['\ufeff[nul]', 5],
    [`[${'"long text", '.repeat(500)}?]`, 1 + 13 * 500],
  ];
  for (const [text, at] of rows) {
    it(JSON.stringify(text.slice(0, 30)), () => {
      const read = readJsonText(text);
      expect(read).to.have.property('problem');
      if ('problem' in read) {
        expect(read.problem.at).to.equal(at);
        expect(read.problem.message).to.match(/^[A-Z][^\n]*$/);
      }
    });
  }
});
