import type { Stats } from 'node:fs';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type CallOptions, isMabuildError, MabuildError } from '@mabuild/oci';
import { type PackOptions, pack } from 'tar-fs';
import type { AddedFile, BuildContext, ContextEntry } from './context.ts';

export interface ContextTarOptions extends CallOptions {
  readonly addedFiles?: readonly AddedFile[];
  /** A Dockerfile that is not the user's file: its name in the archive and its text. */
  readonly dockerfile?: { readonly name: string; readonly text: string };
}

/** One thing to be packed. */
interface Source {
  readonly entry: ContextEntry;
  open(): Promise<Readable>;
}

/**
 * Packs a context and the files that a build adds to it as a tar; everything belongs to user and group 0.
 *
 * What is added comes first and wins over a file of the user's with the same name. The stream fails with what reading the
 * context throws, and `CONTEXT_CHANGED` when a file became shorter meanwhile.
 */
export function contextTar(context: BuildContext, options: ContextTarOptions = {}): Readable {
  return Readable.from(chunksOf(context, options), { objectMode: false });
}

async function* chunksOf(
  context: BuildContext,
  options: ContextTarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const sources = new Map<string, Source>();
  for (const source of await addedSources(options)) sources.set(source.entry.path, source);
  for await (const entry of context.entries(options))
    if (!sources.has(entry.path)) sources.set(entry.path, { entry, open: () => context.open(entry.path) });
  let failure: unknown;
  const stream = pack(virtualRoot, {
    entries: [...sources.keys()],
    umask: 0,
    fs: fileSystemOf(sources, (error) => {
      failure ??= error;
    }),
    map: (header) => Object.assign(header, { uid: 0, gid: 0 }),
  } as PackOptions);
  const abort = (): void => void stream.destroy();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of stream) {
      options.signal?.throwIfAborted();
      yield chunk as Uint8Array;
    }
    options.signal?.throwIfAborted();
  } catch (error) {
    options.signal?.throwIfAborted();
    throw failure ?? error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    stream.destroy();
  }
}

async function addedSources(options: ContextTarOptions): Promise<readonly Source[]> {
  const { dockerfile, addedFiles = [] } = options;
  const all = [
    ...addedFiles,
    ...(dockerfile === undefined
      ? []
      : [{ path: dockerfile.name, mode: 0o644, from: { content: dockerfile.text } } satisfies AddedFile]),
  ];
  const sources = new Map<string, Source>();
  for (const file of all) {
    const parts = file.path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = parts.slice(0, depth).join('/');
      sources.set(path, {
        entry: { path, type: 'directory', mode: 0o755, size: 0, mtimeMs: 0 },
        open: nothing,
      });
    }
    sources.set(file.path, { entry: await addedEntry(file), open: () => openAdded(file) });
  }
  return [...sources.values()];
}

/**
 * The entry under which an added file appears; its time is always the epoch, so that caches stay valid.
 * @throws MabuildError `ADDED_FILE_UNREADABLE`.
 */
export async function addedEntry(file: AddedFile): Promise<ContextEntry> {
  const { from, path, mode } = file;
  let size: number;
  if ('content' in from) size = Buffer.byteLength(from.content);
  else
    size = (
      await stat(from.file).catch((cause: unknown) => {
        throw new MabuildError(`cannot read ${from.file}, which the build needs as ${path}`, {
          code: 'ADDED_FILE_UNREADABLE',
          cause,
        });
      })
    ).size;
  return { path, type: 'file', mode, size, mtimeMs: 0 };
}

/** Opens what an added file holds. */
export async function openAdded({ from }: AddedFile): Promise<Readable> {
  return 'content' in from
    ? Readable.from([Buffer.from(from.content)], { objectMode: false })
    : createReadStream(from.file);
}

/** Yields what a listed file holds, no more than was listed. @throws MabuildError `CONTEXT_CHANGED` when it is gone or shorter. */
export async function* contentOf(
  { path, size }: ContextEntry,
  open: (path: string) => Promise<Readable>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = size;
  const body = await open(path).catch((error: unknown) => {
    throw isMabuildError(error) && error.code === 'CONTEXT_FILE_NOT_FOUND'
      ? changed(`${path} of the build context was there when the build began, and is gone`, error)
      : error;
  });
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (left === 0) break;
    const some = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= some.length;
    yield some;
  }
  if (left > 0) throw changed(`${path} of the build context became ${left} bytes shorter while it was read`);
}

function changed(message: string, cause?: unknown): MabuildError {
  return new MabuildError(message, {
    code: 'CONTEXT_CHANGED',
    hint: 'something writes to the context during the build: list that file in .dockerignore, or build again',
    cause,
  });
}

const nothing = async (): Promise<Readable> => Readable.from([]);

/** The folder that tar-fs is told to pack; nothing of it exists on disk. */
const virtualRoot = '/context';

type Callback<T> = (error: unknown, value?: T) => void;

/** The few calls that tar-fs makes, answered from the context; `onError` is told why a body broke. */
function fileSystemOf(sources: ReadonlyMap<string, Source>, onError: (error: unknown) => void): object {
  const find = (path: string): Source | undefined =>
    sources.get(path.replaceAll('\\', '/').slice(virtualRoot.length + 1));
  return {
    lstat(path: string, done: Callback<Pick<Stats, 'mode' | 'size' | 'mtime'>>): void {
      const entry = find(path)?.entry;
      if (entry === undefined) done(new Error(`nothing to pack at ${path}`));
      else
        done(null, {
          ...{ mode: entry.mode, size: entry.size, mtime: new Date(Math.floor(entry.mtimeMs / 1000) * 1000) },
          ...{ isSocket: () => false, isFile: () => entry.type === 'file' },
          ...{
            isDirectory: () => entry.type === 'directory',
            isSymbolicLink: () => entry.type === 'symlink',
          },
        });
    },
    /** Everything is listed by name: no folder is read for what lies in it. */
    readdir: (_path: string, done: Callback<readonly string[]>): void => done(null, []),
    readlink: (path: string, done: Callback<string>): void => done(null, find(path)?.entry.linkname ?? ''),
    createReadStream(path: string): Readable {
      const source = find(path) as Source;
      const body = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        try {
          yield* contentOf(source.entry, () => source.open());
        } catch (error) {
          onError(error);
          throw error;
        }
      };
      return Readable.from(body(), { objectMode: false });
    },
  };
}
