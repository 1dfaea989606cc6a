import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { isDense } from '../../../../packages/core/src/engines/embedded/layers/density.ts';

const kilobyte = 1024;

/** Bytes that look random and are the same in each run. */
function noise(size: number, seed = ''): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at * 32 < size; at += 1) parts.push(createHash('sha256').update(`${seed}${at}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

/** As a tar has many files of this size. */
function files(size: number, count: number): Buffer {
  const block = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc(512 - text.length)]);
  const padding = Buffer.alloc(-size & 511);
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => [
      block(`folder/${index}.bin`),
      noise(size, `${index} `),
      padding,
    ]).flat(),
  );
}

describe('density of a piece', () => {
  const words = Buffer.from(Array.from({ length: 40_000 }, (_, index) => `word ${index % 977} `).join(''));
  const rows: readonly (readonly [string, Uint8Array, boolean])[] = [
    ['noise', noise(256 * kilobyte), true],
    ['noise, not aligned', noise(100_001), true],
    ['what is compressed', deflateRawSync(files(3000, 100)), true],
    ['files of 20 kB that are noise', files(20_000, 12), true],
    ['files of 2 kB that are noise: their headers get smaller', files(2048, 100), false],
    ['too little to look at', noise(8 * kilobyte), false],
    ['nothing', new Uint8Array(0), false],
    ['text', words, false],
    ['base64', Buffer.from(noise(150 * kilobyte).toString('base64')), false],
    ['zeros', Buffer.alloc(256 * kilobyte), false],
    ['noise that repeats', Buffer.concat(Array(12).fill(noise(20_480))), false],
  ];
  for (const [name, bytes, expected] of rows)
    it(`${name}: ${expected}`, async () => {
      expect(await isDense(bytes)).to.equal(expected);
    });
});
