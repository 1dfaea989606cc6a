import type { Stats } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readlink,
  realpath,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  type CallOptions,
  isMabuildError,
  MabuildError,
  readTarEntries,
  safeEntryPath,
  type TarEntry,
} from '@mabuild/oci';

/** What one unpacking knows. */
interface Site {
  /** The folder, no link in its path. */
  readonly root: string;
  /** Folders below it that were seen to be folders; none is ever replaced. */
  readonly folders: Set<string>;
  /** Modes and times of folders are set last, so that a read-only folder can be filled. */
  readonly pending: Map<string, TarEntry>;
}

/**
 * Unpacks a plain tar into a folder that exists, so that nothing is read or written outside of it: links are made, and
 * never followed. Files belong to who unpacks them; modes and times are the archive's; pipes and devices are left out.
 *
 * @throws MabuildError `UNSAFE_PATH` for a name that is absolute, holds `..` or lies below a link; `INVALID_TAR`;
 *   `FILE_UNWRITABLE`; what `body` fails with
 */
export async function unpackTar(body: Readable, directory: string, options: CallOptions = {}): Promise<void> {
  const site: Site = { root: await realpath(directory), folders: new Set(['']), pending: new Map() };
  try {
    for await (const entry of readTarEntries(body, options)) {
      options.signal?.throwIfAborted();
      await unpackEntry(entry, site);
    }
    // From the bottom up: setting a time in a folder needs its permissions as they are now.
    for (const [path, entry] of [...site.pending].sort(([a], [b]) => (a < b ? 1 : -1))) {
      const full = join(site.root, path);
      await chmod(full, entry.mode & 0o7777);
      await utimes(full, entry.mtime, entry.mtime);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw failure(causeOf(error, body), directory);
  }
}

async function unpackEntry(entry: TarEntry, site: Site): Promise<void> {
  const path = pathIn(entry.name);
  if (path === '') return;
  const slash = path.lastIndexOf('/');
  await ensureFolder(path.slice(0, Math.max(slash, 0)), site);
  const full = join(site.root, path);
  switch (entry.type) {
    case 'directory':
      if (!site.folders.has(path)) {
        if (!(await found(full))?.isDirectory()) {
          await makeRoom(path, site);
          await mkdir(full, { mode: 0o700 });
        }
        site.folders.add(path);
      }
      site.pending.set(path, entry);
      return;
    case 'file':
    case 'contiguous-file':
      await makeRoom(path, site);
      return writeContent(full, entry);
    case 'symlink':
      await makeRoom(path, site);
      return symlink(entry.linkname ?? '', full);
    case 'link':
      return makeHardLink(path, pathIn(entry.linkname ?? ''), site);
  }
}

/** The entry's path; `\` separates too on Windows, so `..` is refused on either side of one. */
function pathIn(name: string): string {
  if (name.split(/[\\/]/).includes('..')) throw unsafe(name, 'it leads out of the archive');
  return safeEntryPath(name);
}

/** Makes what is missing of a folder's path, and refuses a path through anything else than folders. */
async function ensureFolder(path: string, site: Site): Promise<void> {
  if (site.folders.has(path)) return;
  await ensureFolder(path.slice(0, Math.max(path.lastIndexOf('/'), 0)), site);
  const full = join(site.root, path);
  const stats = await found(full);
  if (stats === undefined) await mkdir(full, { mode: 0o755 });
  else if (!stats.isDirectory()) throw unsafe(path, 'the archive writes below it, and it is no folder');
  site.folders.add(path);
}

/** Takes away what lies at a path: a file is never written through, for it may be linked to another. */
async function makeRoom(path: string, site: Site): Promise<void> {
  const full = join(site.root, path);
  const stats = await found(full);
  if (stats === undefined) return;
  if (stats.isDirectory()) throw unsafe(path, 'a folder of that name is there already');
  await unlink(full);
}

async function writeContent(full: string, entry: TarEntry): Promise<void> {
  const file = await open(full, 'wx', 0o600);
  try {
    for await (const chunk of entry.body) await file.writeFile(chunk as Uint8Array);
    await file.chmod(entry.mode & 0o7777);
    await file.utimes(entry.mtime, entry.mtime);
  } finally {
    await file.close();
  }
}

async function makeHardLink(path: string, target: string, site: Site): Promise<void> {
  if (path === target) return;
  await ensureFolder(target.slice(0, Math.max(target.lastIndexOf('/'), 0)), site);
  const from = join(site.root, target);
  const stats = await found(from);
  if (stats === undefined || stats.isDirectory())
    throw new MabuildError(
      `${JSON.stringify(path)} is a hard link to ${JSON.stringify(target)}, which is no file of the archive so far`,
      { code: 'INVALID_TAR', hint: 'the archive is damaged' },
    );
  await makeRoom(path, site);
  // Some systems follow a symlink when they make a hard link to it.
  if (stats.isSymbolicLink()) await symlink(await readlink(from), join(site.root, path));
  else await link(from, join(site.root, path));
}

async function found(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function unsafe(path: string, why: string): MabuildError {
  return new MabuildError(`${JSON.stringify(path)} cannot be unpacked: ${why}`, {
    code: 'UNSAFE_PATH',
    hint: 'pack plain files with `tar -C FOLDER -c .`, and unpack them into an empty folder',
  });
}

/** Why a file's content ended early: its reader only knows that nothing comes any more. */
function causeOf(error: unknown, body: Readable): unknown {
  if ((error as { code?: unknown }).code !== 'STREAM_DESTROYED') return error;
  const hint = 'the archive is damaged or cut off';
  return (
    body.errored ?? new MabuildError('it ends inside a file', { code: 'INVALID_TAR', hint, cause: error })
  );
}

function failure(error: unknown, directory: string): unknown {
  if (!(error instanceof Error)) return error;
  const prefix = `unpacking a tar into ${directory}: `;
  if (isMabuildError(error)) {
    const { code, hint } = error as MabuildError;
    return new MabuildError(`${prefix}${error.message}`, { code, hint, cause: error });
  }
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  return new MabuildError(`${prefix}${error.message}`, {
    code: 'FILE_UNWRITABLE',
    hint: 'is there space, and permission to write?',
    cause: error,
  });
}
