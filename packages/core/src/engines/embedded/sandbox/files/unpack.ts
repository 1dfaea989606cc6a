import {
  constants,
  copyFileSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { isMabuildError, MabuildError } from '@mabuild/oci';
import type { LayerEntry } from '../../layers/entry.ts';
import { type ReadEntry, readLayer } from '../../layers/read-layer.ts';
import type { ProgramPlace } from '../calls/batch.ts';
import { type Assumption, assumptionOf } from '../shelf/shelf-sharing.ts';
import {
  type MergedNode,
  mergedChild,
  mergedNode,
  mergedPath,
  mergedRoot,
  type UnpackedLayer,
} from './merged.ts';
import { writeNewFile } from './new-file.ts';
import { givenTo, Owners } from './owners.ts';
import { attributeCalls, nodeCall, opaqueCall, runNamed, whiteoutCall } from './special-files.ts';

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

/** A layer that was unpacked just now. */
export interface FreshLayer extends UnpackedLayer {
  /** It comes out the same over all layers of which this is true; `undefined` when more than this decided. */
  readonly assumes: readonly Assumption[] | undefined;
}

/** Longest path that the kernel takes, bytes: Linux, `limits.h`. */
const longestPath = 4095;

function tooLong(): Error {
  return Object.assign(new Error('the path is too long'), { code: 'ENAMETOOLONG' });
}

/**
 * Unpacks a layer into the form that overlayfs takes.
 *
 * Nothing is written outside `root`: links in the layer or below it are followed by this code, inside the image's own
 * root, and the kernel is given only paths whose folders were made here.
 * @throws MabuildError what reading a layer throws; `UNSUPPORTED_LAYER` for what cannot be put on a disk, `FILE_UNWRITABLE` when that is full
 */
export async function unpackLayer(request: UnpackRequest): Promise<FreshLayer> {
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
  /** What lies below, or does not, decided nothing but what folders are like. */
  #isShareable = true;
  readonly #assumed = new Map<string, Assumption>();
  /** Set in the end, when nothing more is put into them. */
  readonly #folderTimes = new Map<string, number>();
  /** Made in the end; forgotten when something else takes their place, as their path may then lead elsewhere. */
  readonly #nodes = new Map<string, LayerEntry>();
  readonly #attributes = new Map<string, LayerEntry>();
  readonly #owners: Owners;

  constructor(request: UnpackRequest) {
    this.#request = request;
    this.#owners = new Owners(request.root, request.ordinary ?? false);
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
      else if (there === undefined) this.#isShareable = false;
      if (there === undefined && mergedNode(this.#layers, path) !== undefined) this.#whiteouts.add(path);
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
        await writeNewFile(file, entry.size > 0 ? body() : undefined, (descriptor) => {
          this.#owners.giveOpen(descriptor, file, entry);
          futimesSync(descriptor, entry.mtime, entry.mtime);
        });
        this.#attributes.set(path, entry);
        break;
      case 'symlink':
        symlinkSync(entry.linkname ?? '', file);
        this.#owners.give(file, entry, 'link');
        lutimesSync(file, entry.mtime, entry.mtime);
        this.#attributes.set(path, entry);
        break;
      case 'link':
        linkSync(this.#file(target), file);
        this.#owners.link(target, path);
        break;
      default:
        this.#nodes.set(path, entry);
    }
  }

  finish(): FreshLayer {
    const { onNote, root, marks, place } = this.#request;
    if (marks !== 'none') this.#makeMarks(marks);
    runNamed(
      place,
      [...this.#nodes].flatMap(([path, entry]) => {
        const made = nodeCall(this.#file(path), path, entry);
        if (made === undefined) onNote(`the device 0/0 at /${path} was left out`);
        return made ?? [];
      }),
      onNote,
    );
    for (const [path, entry] of this.#nodes) {
      const file = this.#file(path);
      const stats = lstatSync(file, { throwIfNoEntry: false });
      if (!stats?.isFIFO() && !stats?.isCharacterDevice() && !stats?.isBlockDevice()) continue;
      this.#owners.give(file, entry, 'other');
      utimesSync(file, entry.mtime, entry.mtime);
    }
    runNamed(
      place,
      [...this.#attributes].flatMap(([path, entry]) => attributeCalls(this.#file(path), path, entry)),
      onNote,
    );
    for (const [path, time] of [...this.#folderTimes].reverse()) utimesSync(this.#file(path), time, time);
    const { foreign, given } = this.#owners;
    if (foreign > 0)
      onNote(`${foreign} files have owners that this user cannot give: /etc/subuid lists none for it`);
    return {
      root,
      opaque: this.#opaque,
      ...(marks === 'none' ? { whiteouts: this.#whiteouts } : {}),
      ...(given && { given }),
      assumes: this.#isShareable ? [...this.#assumed.values()] : undefined,
    };
  }

  /** Without these, files that the image deleted would come back. */
  #makeMarks(marks: 'trusted' | 'user'): void {
    const calls = [
      ...[...this.#whiteouts].map((path) => whiteoutCall(this.#file(path), path)),
      ...[...this.#opaque].map((path) => opaqueCall(this.#file(path), path, marks)),
    ];
    runNamed(this.#request.place, calls, (failed) => {
      throw new MabuildError(`unpacking a layer: ${failed}`, {
        code: 'SANDBOX_UNAVAILABLE',
        hint: 'keep the cache on a local file system that has extended attributes, e.g. ext4, xfs or btrfs: set MABUILD_CACHE',
      });
    });
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
      this.#assume(at);
      const file = this.#file(at);
      mkdirSync(file, 0o755);
      // A folder in the place of one that was taken away starts empty.
      if (this.#whiteouts.delete(at)) this.#opaque.add(at);
      if (node === undefined) this.#plain(file, at, { uid: 0, gid: 0, mode: 0o755, mtime: 0 });
      else this.#plain(file, at, { ...givenTo(this.#layers, at, node), mtime: node.stats.mtimeMs / 1000 });
      // It is there now.
      place = mergedChild(this.#layers, from, name);
    }
    this.#parents.set(path, real);
    this.#followed ||= real !== path;
    this.#isShareable &&= real === path;
    for (let slash = path.length; slash > 0; slash = path.lastIndexOf('/', slash - 1))
      this.#ways.add(path.slice(0, slash));
    return real;
  }

  #assume(path: string): void {
    const assumption = assumptionOf(this.#request.below, path);
    if (assumption === undefined || this.#assumed.has(path)) this.#isShareable = false;
    else this.#assumed.set(path, assumption);
  }

  #plain(file: string, path: string, fields: Pick<LayerEntry, 'uid' | 'gid' | 'mode' | 'mtime'>): void {
    this.#owners.give(file, fields, 'folder');
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
      for (const set of [this.#opaque, this.#whiteouts, this.#folderTimes, this.#nodes, this.#attributes])
        for (const old of [...set.keys()]) if (old.startsWith(`${path}/`)) set.delete(old);
      this.#opaque.delete(path);
      this.#folderTimes.delete(path);
    } else if (there !== undefined) rmSync(file, { force: true });
    this.#nodes.delete(path);
    this.#attributes.delete(path);
    this.#owners.forget(path, there?.isDirectory() === true);
    this.#whiteouts.delete(path);
    if (this.#followed || this.#ways.has(path)) this.#forget();
  }

  #forget(): void {
    this.#parents.clear();
    this.#ways.clear();
    this.#followed = false;
  }

  /** Where the other name of a hard link lies in this layer; copied up from below where it is only there. */
  #linkTarget({ linkname = '' }: LayerEntry): string {
    const slash = linkname.lastIndexOf('/');
    const parent = mergedPath(this.#layers, slash < 0 ? '' : linkname.slice(0, slash));
    const path = parent === '' ? linkname : `${parent}/${linkname.slice(slash + 1)}`;
    const node = mergedNode(this.#layers, path);
    this.#isShareable &&= path === linkname && node?.layer === 0;
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
    this.#owners.give(copy, givenTo(this.#layers, path, { stats, layer }), stats.isFile() ? 'other' : 'link');
    lutimesSync(copy, stats.mtimeMs / 1000, stats.mtimeMs / 1000);
  }
}

const unsupported = { code: 'UNSUPPORTED_LAYER', hint: 'the archive is damaged or made to mislead' } as const;

function told({ path }: LayerEntry, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (isMabuildError(error) || code === undefined) return error;
  const shown = path.length > 160 ? `${path.slice(0, 160)}…` : path;
  return new MabuildError(`unpacking a layer: /${shown} cannot be written (${code})`, {
    code: 'UNSUPPORTED_LAYER',
    hint: 'the archive is damaged or made to mislead, or its names are too long for this file system',
    cause: error,
  });
}
