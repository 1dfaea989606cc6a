import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import {
  FrameReader,
  framed,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/frames.ts';
import { rejection } from '../../../../../support/rejection.ts';

const streams = ['', 'a', 'bc'.repeat(5000), 'd'.repeat(70_000), 'e'];

/** All streams in one pipe, which gives so many bytes at once. */
async function* piped(size: number): AsyncGenerator<Uint8Array> {
  const all: Buffer[] = [];
  for (const text of streams) {
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < text.length; at += 3000) yield Buffer.from(text.slice(at, at + 3000));
    };
    all.push(await buffer(framed(pieces())));
  }
  const bytes = Buffer.concat(all);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  return (await buffer(stream)).toString('latin1');
}

describe('streams in one pipe', () => {
  for (const size of [1, 7, 4096, 1 << 20]) {
    it(`come out as they went in, ${size} bytes at once`, async () => {
      const reader = new FrameReader(piped(size));
      for (const [index, text] of streams.entries()) {
        expect(await textOf(reader.next())).to.equal(text);
        expect(reader.taken).to.equal(index + 1);
      }
    });

    it(`are skipped where they are not read, ${size} bytes at once`, async () => {
      const reader = new FrameReader(piped(size));
      // Never asked, left at its first piece, and left while it was asking.
      reader.next();
      reader.next();
      for await (const _ of reader.next()) break;
      const left = reader.next();
      const asking = left.next();
      void left.return(undefined);
      expect(await textOf(reader.next())).to.equal('e');
      expect((await asking).value).to.be.an.instanceof(Uint8Array);
      expect(reader.taken).to.equal(5);
    });

    it(`are skipped in the end, and no others, ${size} bytes at once`, async () => {
      const reader = new FrameReader(piped(size));
      for (let count = 0; count < 3; count += 1) reader.next();
      await reader.finish();
      expect(reader.taken).to.equal(3);
      expect(await textOf(reader.next())).to.equal(streams[3]);
      await reader.finish();
      expect(reader.taken).to.equal(4);
    });
  }

  it('says when the pipe ends too early', async () => {
    const short = async function* (): AsyncGenerator<Uint8Array> {
      yield (await buffer(framed([Buffer.from('abc')] as unknown as AsyncIterable<Uint8Array>))).subarray(
        0,
        5,
      );
    };
    const reader = new FrameReader(short());
    expect((await rejection(textOf(reader.next()))).message).to.equal('reading a layer: it was cut off');
    expect((await rejection(reader.finish())).message).to.equal('reading a layer: it was cut off');
  });
});
