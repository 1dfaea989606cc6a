import { pipeline, Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import * as tar from 'tar-stream';
import { MabuildError } from '../error.ts';
import type { CallOptions } from '../image-source.ts';

/** One entry of a tar stream. */
export interface TarEntry {
  /** As the archive writes it; extended headers are applied. */
  readonly name: string;
  readonly type: TarEntryType;
  /** Bytes of `body`. */
  readonly size: number;
  /** Permission bits, e.g. `0o755`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Target of a `symlink`, or the path of the other name of a `link`. */
  readonly linkname?: string | undefined;
  /** Extended header records (POSIX pax). */
  readonly pax?: Readonly<Record<string, string>> | undefined;
  /** The content; what is not read of it is skipped. */
  readonly body: Readable;
}

export type TarEntryType =
  | 'file'
  | 'contiguous-file'
  | 'link'
  | 'symlink'
  | 'directory'
  | 'fifo'
  | 'character-device'
  | 'block-device'
  | 'other';

const types: ReadonlySet<string> = new Set([
  'file',
  'contiguous-file',
  'link',
  'symlink',
  'directory',
  'fifo',
  'character-device',
  'block-device',
]);

/**
 * Reads an uncompressed tar entry by entry; memory does not grow with the archive.
 *
 * @throws MabuildError `INVALID_TAR` when it is none, or is cut off; errors of `stream` pass through.
 */
export async function* readTarEntries(stream: Readable, options: CallOptions = {}): AsyncGenerator<TarEntry> {
  const { signal } = options;
  signal?.throwIfAborted();
  const extract = tar.extract();
  let failure: unknown;
  const stop = (): void => {
    stream.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  stream.once('error', (error) => {
    failure ??= error;
  });
  pipeline(stream, extract, () => undefined);
  try {
    for await (const body of extract) {
      const { name, type, size = 0, mode = 0, uid = 0, gid = 0, mtime, linkname, pax } = body.header;
      yield {
        name,
        type: types.has(type ?? '') ? (type as TarEntryType) : 'other',
        size,
        mode,
        uid,
        gid,
        mtime: Math.floor((mtime?.getTime() ?? 0) / 1000),
        ...(linkname === null || linkname === undefined ? {} : { linkname }),
        ...(pax === undefined ? {} : { pax: pax as Readonly<Record<string, string>> }),
        body: body as unknown as Readable,
      };
      body.resume();
    }
    if (failure !== undefined) throw failure;
  } catch (error) {
    signal?.throwIfAborted();
    throw failure ?? invalidTar(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function invalidTar(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof MabuildError) {
    return cause;
  }
  return new MabuildError(`reading a tar archive: ${cause.message}`, {
    code: 'INVALID_TAR',
    hint: 'the archive is damaged or cut off',
    cause,
  });
}

/** One entry to write; nothing is taken from the machine or the clock, so that equal entries give equal bytes. */
export interface PackEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'link';
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly linkname?: string | undefined;
  /** Bytes of a file. @default 0 */
  readonly size?: number | undefined;
  /** Opens a file's content, which must have `size` bytes. */
  readonly open?: (() => Promise<Readable> | Readable) | undefined;
}

/**
 * Writes a tar; memory does not grow with it.
 *
 * The stream fails with what `open` fails with, or with `SIZE_MISMATCH` when a content has another length.
 */
export function packTar(entries: AsyncIterable<PackEntry> | Iterable<PackEntry>): Readable {
  return Readable.from(packed(entries), { objectMode: false });
}

async function* packed(entries: AsyncIterable<PackEntry> | Iterable<PackEntry>): AsyncGenerator<Uint8Array> {
  const pack = tar.pack();
  let failure: { readonly error: unknown } | undefined;
  pack.on('error', () => undefined);
  const feeding = feed(pack, entries).catch((error: unknown) => {
    failure = { error };
    pack.destroy();
  });
  try {
    yield* pack as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw failure?.error ?? error;
  } finally {
    pack.destroy();
    await feeding;
  }
  if (failure !== undefined) throw failure.error;
}

async function feed(pack: tar.Pack, entries: AsyncIterable<PackEntry> | Iterable<PackEntry>): Promise<void> {
  for await (const { open, mtime, linkname, ...header } of entries) {
    const size = header.type === 'file' ? (header.size ?? 0) : 0;
    const entry = pack.entry({
      ...header,
      ...(linkname === undefined ? {} : { linkname }),
      size,
      mtime: new Date(mtime * 1000),
    });
    if (open === undefined || size === 0) {
      if (header.type === 'file') entry.end(Buffer.alloc(0));
      continue;
    }
    let written = 0;
    const counted = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        written += chunk.length;
        if (written > size) throw wrongLength(header.name, size, 'more');
        yield chunk;
      }
      if (written < size) throw wrongLength(header.name, size, `only ${written}`);
    };
    await pipe(await open(), counted, entry as unknown as NodeJS.WritableStream);
  }
  pack.finalize();
}

function wrongLength(name: string, size: number, found: string): MabuildError {
  return new MabuildError(
    `writing a tar archive: ${name} was announced with ${size} bytes and has ${found}`,
    {
      code: 'SIZE_MISMATCH',
      hint: 'it was changed while it was read; try again',
    },
  );
}
