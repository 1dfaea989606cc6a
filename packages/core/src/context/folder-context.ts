import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { checkPlace, readFlags } from './checked-place.ts';
import type { BuildContext } from './context.ts';
import { type IgnoreOptions, readIgnoreRules } from './folder-ignore.ts';
import { missingFile, missingFolder, notOpened } from './folder-problem.ts';
import type { IgnoreRules } from './ignore.ts';
import { type WalkOptions, walkFolder } from './walk-folder.ts';

export interface FolderContextOptions extends WalkOptions, IgnoreOptions {
  /** Overrides the key that is made of the folder's path. */
  readonly key?: string | undefined;
  /** Called by `close`. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/** Bytes that are read of a file at a time: each read costs more than its bytes. */
const readLength = 256 * 1024;

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
    entries: (call = {}) => walkFolder(folder, '', rules, { ...options, ...call }),
    open: (path) => openFile(folder, path, rules),
    readSmall: (path) => readSmallFile(folder, path, rules),
    close: async () => await options.onClose?.(),
  };
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
