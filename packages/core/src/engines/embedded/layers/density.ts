import { promisify } from 'node:util';
import { deflateRaw, type ZlibOptions } from 'node:zlib';

/** What a sample must shrink to, for compressing to be worth the time. */
export const worthIt = 0.97;

/** Shorter pieces are compressed: it costs less than looking at them. */
const shortest = 16 * 1024;
const runs = 128;
const runLength = 64;
/**
 * Sum of the squares of how often each byte occurs in a sample: 270,000 where all occur alike, 400,000 with the zeros between
 * files, 1,000,000 and more in programs and text. No logarithm: machines round those differently, and would write different layers.
 */
const mostSquares = 600_000;
/** What is tried must shrink to: headers and what fills up blocks do, whatever the files are. */
const worthItInPieces = 0.94;
/** What is compressed to be sure, bytes: twice what deflate looks back. */
const tried = 64 * 1024;

const deflate = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);

/** Tells whether compressing would make a piece of many small files hardly smaller; it depends on nothing but the bytes. */
export async function isDense(bytes: Uint8Array): Promise<boolean> {
  if (bytes.length < shortest || squares(bytes) > mostSquares) return false;
  const start = Math.max(0, Math.floor((bytes.length - tried) / 2));
  const sample = bytes.subarray(start, start + tried);
  return (await deflate(sample, { level: 1 })).length > sample.length * worthItInPieces;
}

/** Of bytes that are taken from all over the piece. */
function squares(bytes: Uint8Array): number {
  const counts = new Uint32Array(256);
  const step = (bytes.length - runLength) / (runs - 1);
  for (let run = 0; run < runs; run += 1) {
    const start = Math.floor(run * step);
    for (let at = start; at < start + runLength; at += 1) {
      const byte = bytes[at] as number;
      counts[byte] = (counts[byte] as number) + 1;
    }
  }
  return counts.reduce((sum, count) => sum + count * count, 0);
}
