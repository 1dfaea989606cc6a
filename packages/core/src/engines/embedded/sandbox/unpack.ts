import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { isMabuildError, MabuildError } from '@mabuild/oci';
import type { LayerEntry } from '../layers/entry.ts';
import { type ReadEntry, readLayer } from '../layers/read-layer.ts';
import { type BatchCall, type ProgramPlace, runBatch } from './batch.ts';
import { errnoName } from './errno.ts';
import { type Given, remember } from './given.ts';
import {
  type MergedNode,
  mergedChild,
  mergedNode,
  mergedPath,
  mergedRoot,
  type UnpackedLayer,
} from './merged.ts';

/** How overlayfs is told that a folder hides what lies below: by attributes of the machine's root or of a user namespace, or not at all. */
export type Marks = 'trusted' | 'user' | 'none';

export interface UnpackRequest {
  /** Uncompressed. */
  readonly tar: AsyncIterable<Uint8Array>;
  /** Folder that gets the layer's files; must be empty. */
  readonly root: string;
  /** What lies below, the topmost first. */
  readonly below: readonly UnpackedLayer[];
  readonly place: ProgramPlace;
  readonly marks: Marks;
  /** All files become this user's: their owners, and modes that would lock it out, are told instead. @default false */
  readonly ordinary?: boolean;
  /** Gets what could not be kept, in words. */
  readonly onNote: (text: string) => void;
}

/** Longest path that the kernel takes, bytes: Linux, `limits.h`. */
const longestPath = 4095;

function tooLong(): Error {
  return Object.assign(new Error('the path is too long'), { code: 'ENAMETOOLONG' });
}

/** Zeroes that are left out as a hole. */
const hole = Buffer.alloc(64 * 1024);

/**
 * Unpacks a layer into the form that overlayfs takes.
 *
 * Nothing is written outside `root`: links in the layer or below it are followed by this code, inside the image's own
 * root, and the kernel is given only paths whose folders were made here.
 * @throws MabuildError what reading a layer throws; `UNSUPPORTED_LAYER` for what cannot be put on a disk
 */
export async function unpackLayer(request: UnpackRequest): Promise<UnpackedLayer> {
  const unpacking = new Unpacking(request);
  for await (const read of readLayer(request.tar)) {
    try {
      await unpacking.add(read);
    } catch (error) {
      throw told(read.entry, error);
    }
  }
  return unpacking.finish();
}

class Unpacking {
  readonly #request: UnpackRequest;
  readonly #opaque = new Set<string>();
  readonly #whiteouts = new Set<string>();
  readonly #layers: readonly UnpackedLayer[];
  /** Folders by the path that the layer gives them, and where they really are. */
  readonly #parents = new Map<string, string>();
  /** Every folder on the way to those. */
  readonly #ways = new Set<string>();
  /** One of them was reached through a link. */
  #followed = false;
  /** Set in the end, when nothing more is put into them. */
  readonly #folderTimes = new Map<string, number>();
  /** Made in the end; forgotten when something else takes their place, as their path may then lead elsewhere. */
  readonly #nodes = new Map<string, LayerEntry>();
  readonly #attributes = new Map<string, LayerEntry>();
  readonly #given: Map<string, Given> | undefined;
  #foreignOwners = 0;

  constructor(request: UnpackRequest) {
    this.#request = request;
    this.#given = request.ordinary ? new Map() : undefined;
    const own = { root: request.root, opaque: this.#opaque, whiteouts: this.#whiteouts };
    this.#layers = [own, ...request.below];
  }

  async add({ entry, body }: ReadEntry): Promise<void> {
    if (Buffer.byteLength(entry.path) > longestPath) throw tooLong();
    const slash = entry.path.lastIndexOf('/');
    if (entry.type === 'opaque') {
      this.#opaque.add(this.#folder(entry.path));
      this.#forget();
      return;
    }
    const parent = this.#folder(slash < 0 ? '' : entry.path.slice(0, slash));
    const name = entry.path.slice(slash + 1);
    const path = parent === '' ? name : `${parent}/${name}`;
    const file = this.#file(path);
    if (Buffer.byteLength(file) > longestPath) throw tooLong();
    const there = lstatSync(file, { throwIfNoEntry: false });
    if (entry.type === 'whiteout') {
      // It takes away what lies below, never what the same layer brings.
      if (there?.isDirectory()) this.#opaque.add(path);
      else if (there === undefined && mergedNode(this.#layers, path) !== undefined) this.#whiteouts.add(path);
      this.#forget();
      return;
    }
    if (entry.type === 'directory') {
      this.#makeFolder(path, file, there, entry);
      return;
    }
    // The target must be known before what is in its place goes.
    const target = entry.type === 'link' ? this.#linkTarget(entry) : '';
    if (entry.type === 'link' && target === path) return;
    this.#clear(path, file, there);
    switch (entry.type) {
      case 'file':
        await this.#writeFile(file, entry, body);
        this.#attributes.set(path, entry);
        break;
      case 'symlink':
        symlinkSync(entry.linkname ?? '', file);
        this.#give(file, entry, 'link');
        lutimesSync(file, entry.mtime, entry.mtime);
        this.#attributes.set(path, entry);
        break;
      case 'link':
        linkSync(this.#file(target), file);
        this.#linkGiven(target, path);
        break;
      default:
        this.#nodes.set(path, entry);
    }
  }

  finish(): UnpackedLayer {
    const { onNote, root, marks } = this.#request;
    if (marks !== 'none') this.#makeMarks();
    this.#run(
      [...this.#nodes].flatMap(([path, entry]) => {
        const device = deviceOf(entry);
        if (device !== undefined)
          return [call('mknodat', [-100, this.#file(path), ...device], `the ${entry.type} /${path}`)];
        onNote(`the device 0/0 at /${path} was left out`);
        return [];
      }),
      (failed) => onNote(failed),
    );
    for (const [path, entry] of this.#nodes) {
      const file = this.#file(path);
      const stats = lstatSync(file, { throwIfNoEntry: false });
      if (!stats?.isFIFO() && !stats?.isCharacterDevice() && !stats?.isBlockDevice()) continue;
      this.#give(file, entry, 'other');
      utimesSync(file, entry.mtime, entry.mtime);
    }
    this.#run(
      [...this.#attributes].flatMap(([path, { xattrs = {} }]) =>
        Object.entries(xattrs)
          .filter(([name]) => isKeptAttribute(name))
          .map(([name, value]) => {
            const bytes = Buffer.from(value, 'base64');
            const given = [this.#file(path), name, bytes, bytes.length, 0];
            return call('lsetxattr', given, `the attribute ${name} of /${path}`);
          }),
      ),
      (failed) => onNote(failed),
    );
    for (const [path, time] of [...this.#folderTimes].reverse()) utimesSync(this.#file(path), time, time);
    if (this.#foreignOwners > 0)
      onNote(
        `${this.#foreignOwners} files have owners that this user cannot give: /etc/subuid lists none for it`,
      );
    return {
      root,
      opaque: this.#opaque,
      ...(marks === 'none' ? { whiteouts: this.#whiteouts } : {}),
      ...(this.#given === undefined ? {} : { given: this.#given }),
    };
  }

  /** Without these, files that the image deleted would come back. */
  #makeMarks(): void {
    const opaque = `${this.#request.marks}.overlay.opaque`;
    const marks = [
      ...[...this.#whiteouts].map((path) =>
        call('mknodat', [-100, this.#file(path), 0o020000, 0], `a whiteout at /${path}`),
      ),
      ...[...this.#opaque].map((path) =>
        call(
          'lsetxattr',
          [this.#file(path), opaque, Buffer.from('y'), 1, 0],
          `the mark of /${path} as opaque`,
        ),
      ),
    ];
    this.#run(marks, (failed) => {
      throw new MabuildError(`unpacking a layer: ${failed}`, {
        code: 'SANDBOX_UNAVAILABLE',
        hint: 'keep the cache on a local file system that has extended attributes, e.g. ext4, xfs or btrfs: set XDG_CACHE_HOME',
      });
    });
  }

  #run(calls: readonly NamedCall[], onFailed: (text: string) => void): void {
    for (const [index, result] of runBatch(this.#request.place, calls).entries())
      if (result < 0) onFailed(`${calls[index]?.what} could not be made (${errnoName(-result)})`);
  }

  #file(path: string): string {
    return path === '' ? this.#request.root : `${this.#request.root}/${path}`;
  }

  /** A folder of this layer, made as it is below or as folders are by default; links to it are followed. */
  #folder(path: string): string {
    const known = this.#parents.get(path);
    if (known !== undefined) return known;
    const real = mergedPath(this.#layers, path);
    let place = mergedRoot(this.#layers);
    for (const name of real === '' ? [] : real.split('/')) {
      const from = place;
      place = mergedChild(this.#layers, from, name);
      const { node, path: at } = place;
      if (node !== undefined && !node.stats.isDirectory()) {
        throw new MabuildError(`unpacking a layer: /${path} is to hold files and /${at} is no folder`, {
          code: 'UNSUPPORTED_LAYER',
          hint: 'the archive is damaged or made to mislead',
        });
      }
      if (node?.layer === 0) continue;
      const file = this.#file(at);
      mkdirSync(file, 0o755);
      // A folder in the place of one that was taken away starts empty.
      if (this.#whiteouts.delete(at)) this.#opaque.add(at);
      if (node === undefined) this.#plain(file, at, { uid: 0, gid: 0, mode: 0o755, mtime: 0 });
      else this.#plain(file, at, { ...this.#givenTo(at, node), mtime: node.stats.mtimeMs / 1000 });
      // It is there now.
      place = mergedChild(this.#layers, from, name);
    }
    this.#parents.set(path, real);
    this.#followed ||= real !== path;
    for (let slash = path.length; slash > 0; slash = path.lastIndexOf('/', slash - 1))
      this.#ways.add(path.slice(0, slash));
    return real;
  }

  #plain(file: string, path: string, fields: Pick<LayerEntry, 'uid' | 'gid' | 'mode' | 'mtime'>): void {
    this.#give(file, fields, 'folder');
    this.#folderTimes.set(path, fields.mtime);
  }

  #makeFolder(path: string, file: string, there: Stats | undefined, entry: LayerEntry): void {
    if (there === undefined || !there.isDirectory()) {
      const hides = this.#whiteouts.has(path) || there !== undefined;
      this.#clear(path, file, there);
      mkdirSync(file, 0o755);
      if (hides) this.#opaque.add(path);
    }
    this.#plain(file, path, entry);
    this.#attributes.set(path, entry);
  }

  /** Takes away what this layer has brought to a path before. */
  #clear(path: string, file: string, there: Stats | undefined): void {
    if (there?.isDirectory()) {
      rmSync(file, { recursive: true, force: true });
      const { size = 0 } = this.#given ?? {};
      for (const set of [
        ...[this.#opaque, this.#whiteouts, this.#folderTimes, this.#nodes, this.#attributes],
        ...(this.#given !== undefined && size > 0 ? [this.#given] : []),
      ])
        for (const old of [...set.keys()]) if (old.startsWith(`${path}/`)) set.delete(old);
      this.#opaque.delete(path);
      this.#folderTimes.delete(path);
    } else if (there !== undefined) rmSync(file, { force: true });
    this.#nodes.delete(path);
    this.#attributes.delete(path);
    this.#given?.delete(path);
    this.#whiteouts.delete(path);
    if (this.#followed || this.#ways.has(path)) this.#forget();
  }

  #forget(): void {
    this.#parents.clear();
    this.#ways.clear();
    this.#followed = false;
  }

  async #writeFile(file: string, entry: LayerEntry, body: () => AsyncIterable<Uint8Array>): Promise<void> {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const descriptor = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      let position = 0;
      let written = 0;
      if (entry.size > 0) {
        for await (const chunk of body()) {
          for (let at = 0; at < chunk.length; at += hole.length) {
            const part = chunk.subarray(at, at + hole.length);
            const isHole = hole.subarray(0, part.length).equals(part);
            if (!isHole) {
              for (let done = 0; done < part.length; )
                done += writeSync(descriptor, part, done, part.length - done, position + done);
              written = position + part.length;
            }
            position += part.length;
          }
        }
      }
      if (written < position) ftruncateSync(descriptor, position);
      if (this.#given === undefined)
        this.#tryOwner(() => fchownSync(descriptor, entry.uid, entry.gid), entry);
      fchmodSync(descriptor, this.#remembered(file, entry, 'other'));
      futimesSync(descriptor, entry.mtime, entry.mtime);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Where the other name of a hard link lies in this layer; copied up from below where it is only there. */
  #linkTarget({ linkname = '' }: LayerEntry): string {
    const slash = linkname.lastIndexOf('/');
    const parent = mergedPath(this.#layers, slash < 0 ? '' : linkname.slice(0, slash));
    const path = parent === '' ? linkname : `${parent}/${linkname.slice(slash + 1)}`;
    const node = mergedNode(this.#layers, path);
    if (node === undefined || node.stats.isDirectory()) {
      throw new MabuildError(`unpacking a layer: a hard link leads to /${linkname}, which is no file of it`, {
        code: 'INVALID_TAR',
        hint: 'the archive is damaged or made to mislead',
      });
    }
    if (node.layer !== 0) this.#copyUp(path, node);
    return path;
  }

  #copyUp(path: string, { file, stats, layer }: MergedNode): void {
    const slash = path.lastIndexOf('/');
    this.#folder(slash < 0 ? '' : path.slice(0, slash));
    const copy = this.#file(path);
    if (stats.isSymbolicLink()) symlinkSync(readlinkSync(file), copy);
    else if (stats.isFile()) copyFileSync(file, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    else throw new MabuildError(`unpacking a layer: a hard link leads to the device /${path}`, unsupported);
    this.#give(copy, this.#givenTo(path, { stats, layer }), stats.isFile() ? 'other' : 'link');
    lutimesSync(copy, stats.mtimeMs / 1000, stats.mtimeMs / 1000);
  }

  /** Gives a file its owner, and unless it is a link its mode. */
  #give(file: string, fields: Given, kind: 'folder' | 'other' | 'link'): void {
    const { uid, gid } = fields;
    if (this.#given === undefined) this.#tryOwner(() => lchownSync(file, uid, gid), { uid, gid });
    const mode = this.#remembered(file, fields, kind);
    if (kind !== 'link') chmodSync(file, mode);
  }

  /** The mode that a file gets; where the user of this process owns all, what it was to get is remembered. */
  #remembered(file: string, { uid, gid, mode }: Given, kind: 'folder' | 'other' | 'link'): number {
    if (this.#given === undefined) return mode;
    const path = file.slice(this.#request.root.length + 1);
    if (kind === 'link') return remember(this.#given, path, { uid, gid, mode: 0o777 }, 'other');
    return remember(this.#given, path, { uid, gid, mode }, kind);
  }

  #linkGiven(target: string, path: string): void {
    const fields = this.#given?.get(target);
    if (fields !== undefined) this.#given?.set(path, fields);
  }

  /** What a file below this layer was given. */
  #givenTo(path: string, { layer, stats }: Omit<MergedNode, 'file'>): Given {
    const { given } = this.#layers[layer] ?? {};
    if (given === undefined) return ownedBy(stats);
    return given.get(path) ?? { uid: 0, gid: 0, mode: stats.mode & 0o7777 };
  }

  #tryOwner(change: () => void, { uid, gid }: Pick<LayerEntry, 'uid' | 'gid'>): void {
    try {
      change();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EPERM' && code !== 'EINVAL') throw error;
      if (uid !== 0 || gid !== 0) this.#foreignOwners += 1;
    }
  }
}

const unsupported = { code: 'UNSUPPORTED_LAYER', hint: 'the archive is damaged or made to mislead' } as const;

interface NamedCall extends BatchCall {
  readonly what: string;
}

function call(name: BatchCall['name'], given: BatchCall['arguments'], what: string): NamedCall {
  return { name, arguments: given, what };
}

/** Mode and number for `mknod`; nobody but its owner may use it until it has its own mode. */
function deviceOf({ type, major = 0, minor = 0 }: LayerEntry): readonly [number, number] | undefined {
  if (type === 'fifo') return [0o010600, 0];
  // The device 0/0 is how overlayfs writes a whiteout: an image must not bring one as a device.
  if (major === 0 && minor === 0) return undefined;
  const kind = type === 'block-device' ? 0o060600 : 0o020600;
  return [kind, ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12)];
}

/** Attributes of files that images bring and layers keep; those of overlayfs would make it show other files. */
export function isKeptAttribute(name: string): boolean {
  return name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
}

function ownedBy({ uid, gid, mode }: Stats): Given {
  return { uid, gid, mode: mode & 0o7777 };
}

function told({ path }: LayerEntry, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (isMabuildError(error) || code === undefined) return error;
  const shown = path.length > 160 ? `${path.slice(0, 160)}…` : path;
  return new MabuildError(`unpacking a layer: /${shown} cannot be written (${code})`, {
    code: 'UNSUPPORTED_LAYER',
    hint:
      code === 'ENOSPC'
        ? 'the disk is full: make room, or put the cache elsewhere with XDG_CACHE_HOME'
        : 'the archive is damaged or made to mislead, or its names are too long for this file system',
    cause: error,
  });
}
