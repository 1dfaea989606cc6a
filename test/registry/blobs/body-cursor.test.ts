import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { BodyCursor } from '../../../packages/registry/src/blobs/body-cursor.ts';
import { rejection } from '../../support/rejection.ts';

const text = 'abcdefghijklmnopqrstuvwxyz';

describe('registry/BodyCursor', () => {
  let opened = 0;
  beforeEach(() => {
    opened = 0;
  });

  /** @param pieces bytes of each chunk of the body. */
  function cursorOf(pieces: number): BodyCursor {
    return new BodyCursor(async () => {
      opened += 1;
      const chunks = text.match(new RegExp(`.{1,${pieces}}`, 'g')) ?? [];
      return Readable.from(
        chunks.map((chunk) => Buffer.from(chunk)),
        { objectMode: false },
      );
    });
  }
  const read = async (cursor: BodyCursor, offset: number, length: number): Promise<string> =>
    (await buffer(await cursor.slice(offset, length))).toString();

  for (const pieces of [1, 4, 5, 26]) {
    it(`reads piece by piece what is opened once, in chunks of ${pieces}`, async () => {
      const cursor = cursorOf(pieces);
      for (let offset = 0; offset < text.length; offset += 5) {
        expect(await read(cursor, offset, 5)).to.equal(text.slice(offset, offset + 5));
      }
      expect(opened).to.equal(1);
      cursor.close();
    });
  }

  it('skips ahead without opening again', async () => {
    const cursor = cursorOf(4);
    expect(await read(cursor, 2, 3)).to.equal('cde');
    expect(await read(cursor, 20, 3)).to.equal('uvw');
    expect(opened).to.equal(1);
  });

  it('opens again to go back', async () => {
    const cursor = cursorOf(4);
    expect(await read(cursor, 10, 5)).to.equal('klmno');
    expect(await read(cursor, 3, 5)).to.equal('defgh');
    expect(opened).to.equal(2);
  });

  it('opens again after a piece that was given up', async () => {
    const cursor = cursorOf(1);
    const given = await cursor.slice(0, 10);
    for await (const _ of given) break;
    expect(await read(cursor, 0, 10)).to.equal('abcdefghij');
    expect(opened).to.equal(2);
  });

  it('gives less at the end', async () => {
    expect(await read(cursorOf(4), 24, 10)).to.equal('yz');
    expect(await read(cursorOf(4), 30, 10)).to.equal('');
  });

  it('passes on what the body fails with, also between two pieces', async () => {
    let fail: () => void = () => undefined;
    const cursor = new BodyCursor(async () => {
      const body = new Readable({ read() {} });
      body.push('abc');
      fail = () => body.destroy(new Error('the disk is gone'));
      return body;
    });
    expect(await read(cursor, 0, 3)).to.equal('abc');
    fail();
    expect(await rejection(read(cursor, 3, 3))).to.have.property('message', 'the disk is gone');
  });
});
