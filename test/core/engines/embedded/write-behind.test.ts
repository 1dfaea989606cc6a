import type { FileHandle } from 'node:fs/promises';
import { expect } from 'chai';
import { writeBehind } from '../../../../packages/core/src/engines/embedded/layers/write-behind.ts';
import { rejection } from '../../../support/rejection.ts';

const megabyte = 1024 * 1024;

/** A file that takes only some of the bytes each time. */
function slowFile(most: number): { handle: FileHandle; text(): string; atOnce(): number } {
  const found: Buffer[] = [];
  let running = 0;
  let atOnce = 0;
  const writev = async (parts: readonly Uint8Array[]): Promise<{ bytesWritten: number }> => {
    running += 1;
    atOnce = Math.max(atOnce, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    const bytes = Buffer.concat(parts).subarray(0, most);
    found.push(Buffer.from(bytes));
    return { bytesWritten: bytes.length };
  };
  return {
    handle: { writev } as unknown as FileHandle,
    text: () => Buffer.concat(found).toString('latin1'),
    atOnce: () => atOnce,
  };
}

describe('writing behind', () => {
  for (const most of [1, 7, 1000, Number.POSITIVE_INFINITY]) {
    it(`keeps the order where a write takes ${most} bytes`, async () => {
      const { handle, text } = slowFile(most);
      const file = writeBehind(handle);
      await file.write([Buffer.from('one'), Buffer.alloc(0), Buffer.from('two')]);
      await file.write([]);
      await file.write([Buffer.from('three')]);
      await file.end();
      expect(text()).to.equal('onetwothree');
    });
  }

  it('writes one batch after the other', async () => {
    const { handle, text, atOnce } = slowFile(300_000);
    const file = writeBehind(handle);
    for (const letter of 'abcdef') await file.write([Buffer.alloc(megabyte, letter)]);
    await file.end();
    expect(text()).to.equal([...'abcdef'].map((letter) => letter.repeat(megabyte)).join(''));
    expect(atOnce()).to.equal(1);
  });

  it('tells of a write that failed, and writes nothing after it', async () => {
    let writes = 0;
    const writev = async (): Promise<never> => {
      writes += 1;
      throw new Error('no space');
    };
    const file = writeBehind({ writev } as unknown as FileHandle);
    const all = async (): Promise<void> => {
      for (let count = 0; count < 10; count += 1) await file.write([Buffer.alloc(megabyte)]);
    };
    expect(String(await rejection(all()))).to.equal('Error: no space');
    expect(String(await rejection(file.end()))).to.equal('Error: no space');
    expect(writes).to.equal(1);
  });
});
