import { Readable } from 'node:stream';
import { expect } from 'chai';
import { eachLine } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/each-line.ts';

describe('lines of a helper', () => {
  const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['come one by one', ['a\nb', 'c\n', '\n'], ['a', 'bc', '']],
    ['are given when they are whole', ['a\nb'], ['a']],
    ['hold other ends of lines', ['a\u2028b\u2029c\rd\r\n'], ['a\u2028b\u2029c\rd\r']],
  ];
  for (const [name, chunks, expected] of rows)
    it(name, async () => {
      const lines: string[] = [];
      const input = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
      input.pause();
      eachLine(input, (line) => lines.push(line));
      await new Promise((resolve) => input.once('end', resolve));
      expect(lines).to.deep.equal(expected);
    });

  it('hold characters that come in two pieces', async () => {
    const bytes = Buffer.from('ä\n');
    const lines: string[] = [];
    const input = Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]);
    eachLine(input, (line) => lines.push(line));
    await new Promise((resolve) => input.once('end', resolve));
    expect(lines).to.deep.equal(['ä']);
  });
});
