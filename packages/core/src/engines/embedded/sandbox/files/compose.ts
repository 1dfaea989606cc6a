import {
  type BigIntStats,
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { type BatchCall, type ProgramPlace, runBatch } from '../calls/batch.ts';
import { byBytes, type ChangedEntry, entryOf, fieldsOf, readAttributes } from './changes.ts';
import { isWhiteout, type UnpackedLayer } from './merged.ts';
import { isKeptAttribute } from './special-files.ts';

/**
 * Copies layers over each other into a folder, for machines that mount no overlayfs.
 * @param layers the topmost first
 * @param root an empty folder
 */
export function composeRoot(layers: readonly UnpackedLayer[], root: string, place: ProgramPlace): void {
  const times = new Map<string, number>();
  for (const layer of [...layers].reverse()) copyLayer(layer, root, place, times);
  for (const [path, time] of [...times].reverse()) {
    const file = `${root}/${path}`;
    if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) lutimesSync(file, time, time);
  }
}

function copyLayer(
  layer: UnpackedLayer,
  root: string,
  place: ProgramPlace,
  times: Map<string, number>,
): void {
  for (const path of layer.whiteouts ?? []) rmSync(`${root}/${path}`, { recursive: true, force: true });
  const links = new Map<string, string>();
  const paths: string[] = [];
  const nodes: BatchCall[] = [];
  const list = (folder: string): void => {
    for (const name of readdirSync(`${layer.root}/${folder}`)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const from = `${layer.root}/${path}`;
      const to = `${root}/${path}`;
      const stats = lstatSync(from);
      const there = lstatSync(to, { throwIfNoEntry: false });
      const replaced = !stats.isDirectory() || !there?.isDirectory() || layer.opaque.has(path);
      if (there !== undefined && replaced) rmSync(to, { recursive: true, force: true });
      if (isWhiteout(stats)) continue;
      paths.push(path);
      if (stats.isDirectory()) {
        if (replaced) mkdirSync(to);
        times.set(path, stats.mtimeMs / 1000);
        keep(to, stats);
        list(path);
        continue;
      }
      const inode = `${stats.dev}:${stats.ino}`;
      const other = stats.nlink > 1 ? links.get(inode) : undefined;
      if (other !== undefined) linkSync(other, to);
      else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else if (stats.isFile()) copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      else {
        nodes.push({ name: 'mknodat', arguments: [-100, to, stats.mode, stats.rdev] });
        continue;
      }
      links.set(inode, to);
      keep(to, stats);
    }
  };
  list('');
  runBatch(place, nodes);
  for (const { arguments: given } of nodes) {
    const to = String(given[1]);
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined)
      keep(to, lstatSync(`${layer.root}${to.slice(root.length)}`));
  }
  const calls = [...readAttributes(place, layer.root, paths)].flatMap(([path, attributes]) =>
    [...attributes]
      .filter(([name]) => isKeptAttribute(name))
      .map(
        ([name, value]): BatchCall => ({
          name: 'lsetxattr',
          arguments: [`${root}/${path}`, name, value, value.length, 0],
        }),
      ),
  );
  runBatch(place, calls);
}

function keep(file: string, stats: Stats): void {
  try {
    lchownSync(file, stats.uid, stats.gid);
  } catch (error) {
    if (!['EPERM', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  if (!stats.isSymbolicLink()) chmodSync(file, stats.mode & 0o7777);
  if (!stats.isDirectory()) lutimesSync(file, stats.atimeMs / 1000, stats.mtimeMs / 1000);
}

/** What every path of a folder was at a time. */
export type Snapshot = ReadonlyMap<string, BigIntStats>;

/** Notes what lies in a folder; sorted so that folders come before what they hold. @param ignored paths that are left out with all below them */
export function takeSnapshot(root: string, ignored: ReadonlySet<string> = new Set()): Snapshot {
  const found = new Map<string, BigIntStats>();
  const list = (folder: string): void => {
    for (const name of readdirSync(`${root}/${folder}`).sort(byBytes)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (ignored.has(path)) continue;
      const stats = lstatSync(`${root}/${path}`, { bigint: true });
      found.set(path, stats);
      if (stats.isDirectory()) list(path);
    }
  };
  list('');
  return found;
}

/**
 * Turns what differs from a snapshot into a layer, by inode, size, mode, owner and times.
 * @param modes of files whose mode was changed to get at them: what it was
 */
export function folderChanges(
  root: string,
  before: Snapshot,
  place: ProgramPlace,
  ignored: ReadonlySet<string>,
  modes: ReadonlyMap<string, number> = new Map(),
): readonly ChangedEntry[] {
  const after = takeSnapshot(root, ignored);
  const replaced = new Set(
    [...after].filter(([path, stats]) => isReplacedFolder(before.get(path), stats)).map(([path]) => path),
  );
  /** What lies in a folder that took another's place is new, and what lay there is gone with that. */
  const isIn = (path: string): boolean => foldersOf(path).some((folder) => replaced.has(folder));
  const changed = [...after]
    .filter(([path, stats]) => isIn(path) || differs(before.get(path), stats, modes.get(path)))
    .map(([path]) => path);
  const gone = [...before.keys()].filter((path) => {
    if (after.has(path) || isBelow(ignored, path) || isIn(path)) return false;
    const slash = path.lastIndexOf('/');
    // What lay in a folder that is gone, or is none any more, is gone with it.
    return slash < 0 || after.get(path.slice(0, slash))?.isDirectory() === true;
  });
  const listed = new Set([...changed, ...gone].flatMap((path) => [path, ...foldersOf(path)]));
  const attributes = readAttributes(
    place,
    root,
    [...listed].filter((path) => after.has(path)),
  );
  const links = new Map<string, string>();
  /** Files that have had a name from below: overlayfs takes each name that was there apart when it is written to. */
  const met = new Set<bigint>();
  return [...listed].sort(bySteps).flatMap((path): readonly ChangedEntry[] => {
    const file = `${root}/${path}`;
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined || !after.has(path)) {
      const none = { mode: 0, uid: 0, gid: 0, size: 0, mtime: Math.floor(Date.now() / 1000) };
      return [{ entry: { ...none, path, type: 'whiteout' }, file }];
    }
    const own = fieldsOf(path, stats);
    const fields = { ...own, mode: modes.get(path) ?? own.mode };
    const old = before.get(path)?.ino;
    const isApart = old === after.get(path)?.ino && old !== undefined && met.has(old);
    if (old !== undefined) met.add(old);
    const found = attributes.get(path) ?? new Map();
    const entry = entryOf(fields, stats, file, found, isApart ? new Map() : links);
    if (entry === undefined) return [];
    const isOpaque = replaced.has(path) && !isIn(path);
    return [
      { entry, file },
      ...(isOpaque ? [{ entry: { ...fields, type: 'opaque', size: 0 }, file } as const] : []),
    ];
  });
}

/** As a walk through the folders comes by. */
function bySteps(a: string, b: string): number {
  return byBytes(a.replaceAll('/', '\0'), b.replaceAll('/', '\0'));
}

/** Whether a folder is another one than the folder that was there. */
function isReplacedFolder(old: BigIntStats | undefined, now: BigIntStats): boolean {
  if (!old?.isDirectory() || !now.isDirectory()) return false;
  // Where a file system keeps no times of birth, that of the last change is given.
  const knowsBirth = old.birthtimeNs !== old.ctimeNs && old.birthtimeNs > 0n;
  return old.ino !== now.ino || (knowsBirth && old.birthtimeNs !== now.birthtimeNs);
}

/** @param mode what it was before it was changed to get at the file */
function differs(old: BigIntStats | undefined, now: BigIntStats, mode?: number): boolean {
  if (old === undefined || old.uid !== now.uid || old.gid !== now.gid) return true;
  if (old.mode !== (mode === undefined ? now.mode : (now.mode & ~0o7777n) | BigInt(mode))) return true;
  // The times of a folder change with what is in it, which is listed anyway.
  if (now.isDirectory()) return isReplacedFolder(old, now);
  if (old.ino !== now.ino || old.size !== now.size || old.mtimeNs !== now.mtimeNs) return true;
  return mode === undefined && old.ctimeNs !== now.ctimeNs;
}

function foldersOf(path: string): readonly string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

function isBelow(folders: ReadonlySet<string>, path: string): boolean {
  return folders.has(path) || foldersOf(path).some((folder) => folders.has(folder));
}
