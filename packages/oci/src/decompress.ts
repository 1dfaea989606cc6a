import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { MabuildError } from './error.ts';
import type { CallOptions } from './image-source.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes that {@link compressionOf} needs to see. */
const magicLength = 6;

const magics: readonly (readonly [Compression, string])[] = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['bzip2', '425a68'],
  ['xz', 'fd377a585a00'],
];

/** Tells by the first bytes how content is compressed. */
export function compressionOf(start: Uint8Array): Compression {
  const hex = Buffer.from(start.subarray(0, magicLength)).toString('hex');
  return magics.find(([, magic]) => hex.startsWith(magic))?.[0] ?? 'none';
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
 * @throws MabuildError `UNSUPPORTED_COMPRESSION` for bzip2 and xz, and for zstd where this Node has none (it came with
 *   22.15).
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
  let decoder: Transform;
  try {
    decoder = decoderFor(compressionOf(start));
  } catch (error) {
    stream.destroy();
    throw error;
  }
  let failure: unknown;
  const whole = async function* (): AsyncGenerator<Buffer> {
    try {
      if (start.length > 0) yield start;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value;
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      stream.destroy();
    }
  };
  const decoding = async function* (): AsyncGenerator<Buffer> {
    decoder.on('error', () => undefined);
    pipeline(whole, decoder, signal === undefined ? {} : { signal }).catch(() => undefined);
    try {
      yield* decoder as AsyncIterable<Buffer>;
    } catch (error) {
      signal?.throwIfAborted();
      throw failure ?? damaged(error as Error);
    } finally {
      decoder.destroy();
      stream.destroy();
    }
  };
  return Readable.from(decoding(), { objectMode: false });
}

function decoderFor(compression: Compression): Transform {
  if (compression === 'none')
    return new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) });
  if (compression === 'gzip') return zlib.createGunzip();
  const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Transform };
  if (compression === 'zstd' && createZstdDecompress !== undefined) return createZstdDecompress();
  throw new MabuildError(`decompressing ${compression}: this Node cannot`, {
    code: 'UNSUPPORTED_COMPRESSION',
    hint: compression === 'zstd' ? 'use Node 22.15 or later, or gzip layers' : 'use gzip',
  });
}

function damaged(cause: Error): Error {
  if (cause instanceof MabuildError) return cause;
  return new MabuildError(`decompressing: ${cause.message}`, {
    code: 'INVALID_COMPRESSION',
    hint: 'the content is damaged or cut off',
    cause,
  });
}
