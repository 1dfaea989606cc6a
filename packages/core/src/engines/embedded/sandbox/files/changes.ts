import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import type { LayerEntry, LayerEntryType } from '../../layers/entry.ts';
import { type ProgramPlace, runReading } from '../calls/batch.ts';
import { isWhiteout, type MergedNode, mergedNode, type UnpackedLayer } from './merged.ts';
import { isKeptAttribute } from './special-files.ts';

/** An entry of a layer together with the file that has its content. */
export interface ChangedEntry {
  readonly entry: LayerEntry;
  readonly file: string;
}

export interface ChangesRequest {
  /** Folder that overlayfs wrote to. */
  readonly upper: string;
  /** What lay below, the topmost first. */
  readonly below: readonly UnpackedLayer[];
  readonly place: ProgramPlace;
  readonly userAttributes: boolean;
}

/** Turns what overlayfs wrote into a layer, folders before what they hold. */
export function overlayChanges({
  upper,
  below,
  place,
  userAttributes,
}: ChangesRequest): readonly ChangedEntry[] {
  const paths: string[] = [];
  const stats = new Map<string, Stats>();
  const list = (folder: string): void => {
    for (const name of readdirSync(folder === '' ? upper : `${upper}/${folder}`).sort(byBytes)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const found = lstatSync(`${upper}/${path}`);
      paths.push(path);
      stats.set(path, found);
      if (found.isDirectory()) list(path);
    }
  };
  list('');
  const attributes = readAttributes(
    place,
    upper,
    paths.filter((path) => !isWhiteout(stats.get(path) as Stats)),
  );
  const opaqueName = `${userAttributes ? 'user' : 'trusted'}.overlay.opaque`;
  const links = new Map<string, string>();
  const changes: ChangedEntry[] = [];
  /** Folders that are listed only if something in them is. */
  const waiting: ChangedEntry[] = [];
  for (const path of paths) {
    const found = stats.get(path) as Stats;
    const file = `${upper}/${path}`;
    while (waiting.length > 0 && !path.startsWith(`${waiting.at(-1)?.entry.path}/`)) waiting.pop();
    const add = (entry: LayerEntry): void => {
      changes.push(...waiting.splice(0), { entry, file });
    };
    const fields = fieldsOf(path, found);
    if (isWhiteout(found)) {
      if (mergedNode(below, path) !== undefined)
        add({ ...fields, mode: 0, uid: 0, gid: 0, type: 'whiteout' });
      continue;
    }
    const own = attributes.get(path) ?? new Map<string, Buffer>();
    const entry = entryOf(fields, found, file, own, links);
    if (entry === undefined) continue;
    if (entry.type !== 'directory') {
      add(entry);
      continue;
    }
    const old = mergedNode(below, path);
    // The mark is on every new folder too, where it hides nothing.
    const isOpaque = own.get(opaqueName)?.toString('latin1') === 'y' && old?.stats.isDirectory() === true;
    if (!isOpaque && old !== undefined && sameFolder(found, old, own, place)) waiting.push({ entry, file });
    else add(entry);
    if (isOpaque) changes.push({ entry: { ...fields, path, type: 'opaque', size: 0 }, file });
  }
  return changes;
}

/** Extended attributes of files, by path. */
export function readAttributes(
  place: ProgramPlace,
  root: string,
  paths: readonly string[],
): ReadonlyMap<string, ReadonlyMap<string, Buffer>> {
  const lists = runReading(
    place,
    paths.map((path) => ({ name: 'llistxattr', arguments: [`${root}/${path}`] })),
  );
  const wanted = paths.flatMap((path, index) =>
    (lists[index]?.toString('utf8') ?? '')
      .split('\0')
      .filter((name) => isKeptAttribute(name) || /^(?:user|trusted)\.overlay\.opaque$/.test(name))
      .map((name) => ({ path, name })),
  );
  const values = runReading(
    place,
    wanted.map(({ path, name }) => ({ name: 'lgetxattr', arguments: [`${root}/${path}`, name] })),
  );
  const found = new Map<string, Map<string, Buffer>>();
  for (const [index, { path, name }] of wanted.entries()) {
    const value = values[index];
    if (value === undefined) continue;
    const own = found.get(path) ?? new Map<string, Buffer>();
    found.set(path, own.set(name, value));
  }
  return found;
}

/** The entry of a file; none for a socket, which no layer holds. @param links first path of each file with several names */
export function entryOf(
  fields: Pick<LayerEntry, 'path' | 'mode' | 'uid' | 'gid' | 'mtime' | 'size'>,
  stats: Stats,
  file: string,
  attributes: ReadonlyMap<string, Buffer>,
  links: Map<string, string>,
): LayerEntry | undefined {
  const type = typeOf(stats);
  if (type === undefined) return undefined;
  if (stats.nlink > 1 && type !== 'directory') {
    const inode = `${stats.dev}:${stats.ino}`;
    const linkname = links.get(inode);
    if (linkname !== undefined) return { ...fields, type: 'link', linkname };
    links.set(inode, fields.path);
  }
  const kept = [...attributes].filter(([name]) => isKeptAttribute(name));
  const xattrs = Object.fromEntries(kept.map(([name, value]) => [name, value.toString('base64')]));
  return {
    ...fields,
    type,
    ...(type === 'file' ? { size: stats.size } : {}),
    ...(type === 'symlink' ? { linkname: readlinkSync(file), mode: 0o777 } : {}),
    ...(type.endsWith('-device') ? { major: major(stats.rdev), minor: minor(stats.rdev) } : {}),
    ...(kept.length > 0 ? { xattrs } : {}),
  };
}

export function fieldsOf(
  path: string,
  { mode, uid, gid, mtimeMs }: Stats,
): Pick<LayerEntry, 'path' | 'mode' | 'uid' | 'gid' | 'mtime' | 'size'> {
  return { path, mode: mode & 0o7777, uid, gid, mtime: Math.floor(mtimeMs / 1000), size: 0 };
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function typeOf(stats: Stats): LayerEntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  return undefined;
}

/** Overlayfs copies a folder up as soon as something in it changes; only its times need be new. */
function sameFolder(
  stats: Stats,
  old: MergedNode,
  own: ReadonlyMap<string, Buffer>,
  place: ProgramPlace,
): boolean {
  if (!old.stats.isDirectory() || old.stats.mode !== stats.mode) return false;
  if (old.stats.uid !== stats.uid || old.stats.gid !== stats.gid) return false;
  const kept = [...own].filter(([name]) => isKeptAttribute(name));
  if (kept.length === 0) return true;
  const before = readAttributes(place, old.file, ['.']).get('.') ?? new Map<string, Buffer>();
  return kept.every(([name, value]) => before.get(name)?.equals(value) === true);
}

/** Linux, `include/linux/kdev_t.h`. */
function major(device: number): number {
  return (device >> 8) & 0xfff;
}

function minor(device: number): number {
  return (device & 0xff) | ((device >> 12) & 0xfff00);
}
