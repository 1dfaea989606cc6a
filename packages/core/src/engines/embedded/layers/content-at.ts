import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { SparsePiece } from './sparse.ts';

/** Where a file's content lies in an uncompressed tar. */
export interface ContentPlace {
  /** Bytes of the file. */
  readonly size: number;
  /** In the tar. */
  readonly offset: number;
  /** Of a sparse file. */
  readonly pieces?: readonly SparsePiece[] | undefined;
}

/** Opens a file of a tar that lies on disk. */
export function openAt(tar: string, { size, offset, pieces }: ContentPlace): Readable {
  if (size === 0) return Readable.from([], { objectMode: false });
  if (!pieces) return createReadStream(tar, { start: offset, end: offset + size - 1 });
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (const piece of pieces) {
      yield* zeros(piece.offset - at);
      const start = offset + piece.at;
      yield* createReadStream(tar, { start, end: start + piece.length - 1 }) as AsyncIterable<Uint8Array>;
      at = piece.offset + piece.length;
    }
    yield* zeros(size - at);
  };
  return Readable.from(parts(), { objectMode: false });
}

/** So many zeros, in pieces. */
export function* zeros(length: number): Generator<Uint8Array> {
  const some = Buffer.alloc(Math.min(Math.max(length, 0), 64 * 1024));
  for (let left = length; left > 0; left -= some.length) yield some.subarray(0, left);
}
