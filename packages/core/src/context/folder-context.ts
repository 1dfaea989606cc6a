import { createHash } from 'node:crypto';
import { closeSync, constants, type Dirent, openSync, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { type CallOptions, isMabuildError, MabuildError } from '@mabuild/oci';
import { checkPlace, readFlags } from './checked-place.ts';
import type { BuildContext, ContextEntry } from './context.ts';
import { type IgnoreRules, parseDockerignore } from './ignore.ts';

export interface FolderContextOptions extends CallOptions {
  /** The Dockerfile's path, as `fs` opens it: `<path>.dockerignore` wins over the folder's `.dockerignore`. */
  readonly dockerfile?: string | undefined;
  /** Told of each socket, pipe or device, which no context can hold. */
  readonly onSkipped?: ((path: string) => void) | undefined;
  /**
   * The folder is somebody else's, unpacked into here: messages name a .dockerignore from here, and one that is a link to
   * outside does not count.
   */
  readonly unpackedInto?: string | undefined;
  /** Whether a .dockerignore counts; what ADD takes from a repository is whole. @default true */
  readonly ignores?: boolean | undefined;
  /** Overrides the key that is made of the folder's path. */
  readonly key?: string | undefined;
  /** Called by `close`. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/** Bytes that are read of a file at a time: each read costs more than its bytes. */
const readLength = 256 * 1024;
/** How many `lstat` calls run at once. */
const statsAtOnce = 64;

/**
 * Opens a folder as a build context, its .dockerignore applied; links are kept as links and never followed.
 *
 * Reading throws `CONTEXT_UNREADABLE`, naming the file, where permissions are missing.
 * @throws MabuildError `CONTEXT_NOT_FOUND`, `DOCKERIGNORE_INVALID`, `CONTEXT_UNREADABLE`.
 */
export async function openFolderContext(
  directory: string,
  options: FolderContextOptions = {},
): Promise<BuildContext> {
  options.signal?.throwIfAborted();
  const found = await stat(directory).catch((error: unknown) => {
    throw missingFolder(directory, error);
  });
  if (!found.isDirectory()) throw missingFolder(directory, undefined);
  const folder = await realpath(directory);
  const rules = await readIgnoreRules(directory, options);
  return {
    key: options.key ?? createHash('sha256').update(`folder ${folder}`).digest('hex'),
    entries: (call = {}) => walk(folder, '', rules, { ...options, ...call }),
    open: (path) => openFile(folder, path, rules),
    readSmall: (path) => readSmallFile(folder, path, rules),
    close: async () => await options.onClose?.(),
  };
}

async function readIgnoreRules(folder: string, options: FolderContextOptions): Promise<IgnoreRules> {
  if (options.ignores === false) return parseDockerignore('');
  const candidates = [
    ...(options.dockerfile === undefined ? [] : [`${options.dockerfile}.dockerignore`]),
    join(folder, '.dockerignore'),
  ];
  const { unpackedInto } = options;
  for (const file of candidates) {
    if (unpackedInto !== undefined && !(await liesIn(unpackedInto, file))) continue;
    const text = await readRules(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw unreadable(file, error);
    });
    if (text !== undefined)
      return parseDockerignore(text, unpackedInto === undefined ? file : relative(unpackedInto, file));
  }
  return parseDockerignore('');
}

/** A pipe is not waited for. */
async function readRules(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error('it is no file'), { code: 'EINVAL' });
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

async function liesIn(folder: string, file: string): Promise<boolean> {
  const real = await realpath(file).catch(() => undefined);
  return real?.startsWith((await realpath(folder)) + sep) ?? false;
}

async function* walk(
  folder: string,
  parent: string,
  rules: IgnoreRules,
  options: Pick<FolderContextOptions, 'signal' | 'onSkipped'>,
): AsyncGenerator<ContextEntry, void, undefined> {
  const names = await readdir(join(folder, parent), { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(join(folder, parent), error);
  });
  names.sort((a, b) => compareBytes(a.name, b.name));
  for (let from = 0; from < names.length; from += statsAtOnce) {
    options.signal?.throwIfAborted();
    const some = names.slice(from, from + statsAtOnce);
    for (const found of await Promise.all(some.map((name) => inspect(folder, parent, name, rules)))) {
      if (found === undefined) continue;
      const { path, stats, ignored } = found;
      if (stats.isDirectory()) {
        const inside = walk(folder, path, rules, options);
        if (!ignored) yield entryOf(path, stats);
        else {
          // A folder that is left out appears only above something that is kept.
          const first = await inside.next();
          if (first.done) continue;
          yield entryOf(path, stats);
          yield first.value;
        }
        yield* inside;
      } else if (stats.isFile()) yield entryOf(path, stats);
      else if (stats.isSymbolicLink())
        yield { ...entryOf(path, stats), linkname: await readTarget(folder, path) };
      else options.onSkipped?.(path);
    }
  }
}

interface Found {
  readonly path: string;
  readonly stats: Stats;
  readonly ignored: boolean;
}

async function inspect(
  folder: string,
  parent: string,
  { name }: Dirent,
  rules: IgnoreRules,
): Promise<Found | undefined> {
  const path = parent === '' ? name : `${parent}/${name}`;
  const ignored = rules.ignores(path);
  if (ignored && !rules.mayKeepInside(path)) return undefined;
  const full = join(folder, path);
  const stats = await lstat(full).catch((error: NodeJS.ErrnoException) => {
    // Deleted since the folder was listed.
    if (error.code === 'ENOENT' && !name.includes('\ufffd')) return undefined;
    throw unreadable(full, error);
  });
  return stats === undefined || (ignored && !stats.isDirectory()) ? undefined : { path, stats, ignored };
}

function entryOf(path: string, stats: Stats): ContextEntry {
  return {
    path,
    type: stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'file',
    mode: stats.mode & 0o7777,
    size: stats.isFile() ? stats.size : 0,
    mtimeMs: stats.mtimeMs,
  };
}

async function readTarget(folder: string, path: string): Promise<string> {
  const full = join(folder, path);
  return await readlink(full).catch((error: unknown) => {
    throw unreadable(full, error);
  });
}

async function openFile(folder: string, path: string, rules: IgnoreRules): Promise<Readable> {
  const full = placeOf(folder, path, rules);
  let handle: FileHandle | undefined;
  try {
    handle = await open(full, readFlags);
    checkPlace(handle.fd, full, path);
    return handle.createReadStream({ highWaterMark: readLength });
  } catch (error) {
    await handle?.close();
    throw notOpened(path, full, error);
  }
}

function readSmallFile(folder: string, path: string, rules: IgnoreRules): Uint8Array {
  const full = placeOf(folder, path, rules);
  let file: number | undefined;
  try {
    file = openSync(full, readFlags);
    checkPlace(file, full, path);
    return readFileSync(file);
  } catch (error) {
    throw notOpened(path, full, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Where a file of the context lies. */
function placeOf(folder: string, path: string, rules: IgnoreRules): string {
  const outside = path === '' || path.split('/').some((name) => name === '..' || name === '');
  if (outside || rules.ignores(path)) throw missingFile(path);
  return join(folder, path);
}

function notOpened(path: string, full: string, error: unknown): MabuildError {
  if (isMabuildError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return missingFile(path, error);
  return unreadable(full, error);
}

/** Compares names by their UTF-8 bytes, as BuildKit's file sync does. */
function compareBytes(a: string, b: string): number {
  return isAscii(a) && isAscii(b)
    ? a < b
      ? -1
      : a > b
        ? 1
        : 0
    : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 127) return false;
  return true;
}

function missingFolder(directory: string, cause: unknown): MabuildError {
  if (cause !== undefined && (cause as NodeJS.ErrnoException).code === 'EACCES')
    return unreadable(directory, cause);
  const problem = cause === undefined ? 'is not a folder' : 'does not exist';
  return new MabuildError(`the build context ${directory} ${problem}`, {
    code: 'CONTEXT_NOT_FOUND',
    hint: 'name the folder that COPY reads from; `-` reads a tar from standard input',
    cause,
  });
}

function missingFile(path: string, cause?: unknown): MabuildError {
  return new MabuildError(`the build context holds no file ${path}`, {
    code: 'CONTEXT_FILE_NOT_FOUND',
    cause,
  });
}

const permissions = 'change its permissions, or list it in .dockerignore';
const hints: Readonly<Record<string, string>> = {
  EACCES: permissions,
  EPERM: permissions,
  ENOENT: 'something moved it during the build: build again when it is done',
  ENAMETOOLONG:
    'its path is longer than the kernel takes: move it up, or list a folder above it in .dockerignore',
};

function unreadable(path: string, cause: unknown): MabuildError {
  const { code } = cause as NodeJS.ErrnoException;
  // The name that Node gives is not the one that the file has.
  const isOdd = code === 'ENOENT' && path.includes('\ufffd');
  const reason = isOdd ? 'its name is not UTF-8' : (code ?? String(cause));
  return new MabuildError(`cannot read ${path} of the build context: ${reason}`, {
    code: 'CONTEXT_UNREADABLE',
    hint: isOdd ? 'rename it' : (hints[code ?? ''] ?? 'see what it is, or list it in .dockerignore'),
    cause,
  });
}
