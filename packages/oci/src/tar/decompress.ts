import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { MabuildError } from '../error.ts';
import type { CallOptions } from '../image-source.ts';
import { unbzip2 } from './bzip2.ts';
import { unxz } from './xz.ts';
import { unzstd } from './zstd.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes that {@link compressionOf} needs to see. */
const magicLength = 6;

const magics: readonly (readonly [Compression, RegExp])[] = [
  ['gzip', /^1f8b/],
  // A frame, or one to skip before it, as pzstd writes.
  ['zstd', /^(?:28b52ffd|5.2a4d18)/],
  ['bzip2', /^425a68/],
  ['xz', /^fd377a585a00/],
];

/** Tells by the first bytes how content is compressed. */
export function compressionOf(start: Uint8Array): Compression {
  const hex = Buffer.from(start.subarray(0, magicLength)).toString('hex');
  return magics.find(([, magic]) => magic.test(hex))?.[0] ?? 'none';
}

/** The same of a layer, which is a tar, gzip or zstd: anything else is taken for a tar, whose reader then says what is wrong. */
export function layerCompressionOf(start: Uint8Array): 'none' | 'gzip' | 'zstd' {
  const compression = compressionOf(start);
  return compression === 'gzip' || compression === 'zstd' ? compression : 'none';
}

/**
 * Decompresses a stream by what its first bytes say; plain content passes through.
 *
 * The result fails with what `stream` fails with, with `INVALID_COMPRESSION` when the content is damaged or cut off.
 */
export async function decompressed(stream: Readable, options: CallOptions = {}): Promise<Readable> {
  const { signal } = options;
  signal?.throwIfAborted();
  const iterator: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  let length = 0;
  while (length < magicLength) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(next.value);
    length += next.value.length;
  }
  signal?.throwIfAborted();
  const start = Buffer.concat(seen);
  const compression = compressionOf(start);
  let failure: unknown;
  const next = async (): Promise<IteratorResult<Buffer>> => {
    try {
      return await iterator.next();
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const whole = async function* (): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    for (let piece = await next(); piece.done !== true; piece = await next()) yield piece.value;
  };
  const decoding = async function* (): AsyncGenerator<Buffer> {
    const stop = (): void => {
      stream.destroy();
    };
    signal?.addEventListener('abort', stop, { once: true });
    const packed = Readable.from(whole(), { objectMode: false });
    try {
      yield* unpack(packed, compression) as AsyncIterable<Buffer>;
    } catch (error) {
      signal?.throwIfAborted();
      throw failure ?? damaged(error as Error);
    } finally {
      signal?.removeEventListener('abort', stop);
      packed.destroy();
      stream.destroy();
    }
  };
  return Readable.from(decoding(), { objectMode: false });
}

/** Decompresses what is known to be compressed so; the result fails when the content is damaged or cut off. */
export function unpack(packed: Readable, compression: Compression): Readable {
  switch (compression) {
    case 'none':
      return packed;
    case 'gzip':
      return through(packed, zlib.createGunzip());
    case 'zstd': {
      // It came to Node 22.15; the types are those of 20.
      const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Transform };
      return createZstdDecompress === undefined
        ? Readable.from(unzstd(packed), { objectMode: false })
        : through(packed, createZstdDecompress());
    }
    case 'bzip2':
      return Readable.from(unbzip2(packed), { objectMode: false });
    case 'xz':
      return Readable.from(unxz(packed), { objectMode: false });
  }
}

/** Whoever reads the last stream of the chain meets the error, if there is one. */
function through(packed: Readable, decoder: Transform): Readable {
  return pipeline(packed, decoder, () => undefined);
}

function damaged(cause: Error): Error {
  if (cause instanceof MabuildError) return cause;
  return new MabuildError(`decompressing: ${cause.message}`, {
    code: 'INVALID_COMPRESSION',
    hint: 'the content is damaged or cut off',
    cause,
  });
}
