import { pipeline, type Readable } from 'node:stream';
import * as tar from 'tar-stream';
import { MabuildError } from './error.ts';
import type { CallOptions } from './image-source.ts';

/** One entry of a tar stream. */
export interface TarEntry {
  /** As the archive writes it; extended headers are applied. */
  readonly name: string;
  readonly type: TarEntryType;
  /** Bytes of `body`. */
  readonly size: number;
  /** Permission bits, e.g. `0o755`. */
  readonly mode: number;
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
      const { name, type, size = 0, mode = 0, linkname, pax } = body.header;
      yield {
        name,
        type: types.has(type ?? '') ? (type as TarEntryType) : 'other',
        size,
        mode,
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
