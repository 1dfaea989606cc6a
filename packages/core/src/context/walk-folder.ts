import { type Dirent, lstatSync, type Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '@mabuild/oci';
import type { ContextEntry } from './context.ts';
import { unreadable } from './folder-problem.ts';
import type { IgnoreRules } from './ignore.ts';

/** How many `lstat` calls run at once. */
const statsAtOnce = 64;
/** Milliseconds that one takes where files are near; elsewhere several are asked for at a time. */
const nearby = 0.1;

export interface WalkOptions extends CallOptions {
  /** Told of each socket, pipe or device, which no context can hold. */
  readonly onSkipped?: ((path: string) => void) | undefined;
}

/**
 * Everything below a folder that is not ignored, in the order of its paths' bytes.
 *
 * @throws MabuildError `CONTEXT_UNREADABLE`
 */
export async function* walkFolder(
  folder: string,
  parent: string,
  rules: IgnoreRules,
  options: WalkOptions,
): AsyncGenerator<ContextEntry, void, undefined> {
  const names = await readdir(join(folder, parent), { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(join(folder, parent), error);
  });
  names.sort((a, b) => compareBytes(a.name, b.name));
  let isNear = true;
  for (let from = 0; from < names.length; from += statsAtOnce) {
    options.signal?.throwIfAborted();
    const some = names.slice(from, from + statsAtOnce);
    const wanted = some.flatMap((name) => wantedOf(folder, parent, name, rules) ?? []);
    const begun = performance.now();
    const all = isNear ? wanted.map(statNow) : await Promise.all(wanted.map(statLater));
    isNear &&= performance.now() - begun < wanted.length * nearby;
    for (const [index, { path, ignored }] of wanted.entries()) {
      const stats = all[index];
      if (stats === undefined || (ignored && !stats.isDirectory())) continue;
      if (stats.isDirectory()) {
        const inside = walkFolder(folder, path, rules, options);
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

interface Wanted {
  readonly path: string;
  /** In the file system. */
  readonly full: string;
  readonly ignored: boolean;
}

function wantedOf(folder: string, parent: string, { name }: Dirent, rules: IgnoreRules): Wanted | undefined {
  const path = parent === '' ? name : `${parent}/${name}`;
  const ignored = rules.ignores(path);
  if (ignored && !rules.mayKeepInside(path)) return undefined;
  return { path, full: join(folder, path), ignored };
}

function statNow(wanted: Wanted): Stats | undefined {
  try {
    return lstatSync(wanted.full);
  } catch (error) {
    return goneOf(wanted, error);
  }
}

async function statLater(wanted: Wanted): Promise<Stats | undefined> {
  return await lstat(wanted.full).catch((error: unknown) => goneOf(wanted, error));
}

/** What was deleted since the folder was listed is not there. @throws MabuildError `CONTEXT_UNREADABLE` for all else */
function goneOf({ full, path }: Wanted, error: unknown): undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !name.includes('\ufffd')) return undefined;
  throw unreadable(full, error);
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
