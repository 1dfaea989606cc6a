import { chmodSync, fchmodSync, fchownSync, lchownSync, type Stats } from 'node:fs';
import { type Given, remember } from './given.ts';
import type { MergedNode, UnpackedLayer } from './merged.ts';

type FileKind = 'folder' | 'other' | 'link';

/** Gives the files of a layer their owners and modes, or remembers them where all files are to be this user's. */
export class Owners {
  /** What is remembered, by path. */
  readonly given: Map<string, Given> | undefined;
  readonly #root: string;
  #foreign = 0;

  /** @param ordinary all files become this user's */
  constructor(root: string, ordinary: boolean) {
    this.#root = root;
    this.given = ordinary ? new Map() : undefined;
  }

  /** How many files have owners that this user cannot give. */
  get foreign(): number {
    return this.#foreign;
  }

  /** Gives a file its owner, and unless it is a link its mode. */
  give(file: string, fields: Given, kind: FileKind): void {
    const { uid, gid } = fields;
    if (this.given === undefined) this.#try(() => lchownSync(file, uid, gid), fields);
    const mode = this.#remembered(file, fields, kind);
    if (kind !== 'link') chmodSync(file, mode);
  }

  /** The same for a file that is open. */
  giveOpen(descriptor: number, file: string, fields: Given): void {
    const { uid, gid } = fields;
    if (this.given === undefined) this.#try(() => fchownSync(descriptor, uid, gid), fields);
    fchmodSync(descriptor, this.#remembered(file, fields, 'other'));
  }

  /** Another name of the same file. */
  link(target: string, path: string): void {
    const fields = this.given?.get(target);
    if (fields !== undefined) this.given?.set(path, fields);
  }

  /** What a file is given no more that is gone, with all below it. */
  forget(path: string, withAllBelow: boolean): void {
    if (withAllBelow && this.given !== undefined && this.given.size > 0)
      for (const old of [...this.given.keys()]) if (old.startsWith(`${path}/`)) this.given.delete(old);
    this.given?.delete(path);
  }

  /** The mode that a file gets; where the user of this process owns all, what it was to get is remembered. */
  #remembered(file: string, { uid, gid, mode }: Given, kind: FileKind): number {
    if (this.given === undefined) return mode;
    const path = file.slice(this.#root.length + 1);
    if (kind === 'link') return remember(this.given, path, { uid, gid, mode: 0o777 }, 'other');
    return remember(this.given, path, { uid, gid, mode }, kind);
  }

  #try(change: () => void, { uid, gid }: Pick<Given, 'uid' | 'gid'>): void {
    try {
      change();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EPERM' && code !== 'EINVAL') throw error;
      if (uid !== 0 || gid !== 0) this.#foreign += 1;
    }
  }
}

/** What a file of several layers was given. */
export function givenTo(
  layers: readonly UnpackedLayer[],
  path: string,
  { layer, stats }: Omit<MergedNode, 'file'>,
): Given {
  const { given } = layers[layer] ?? {};
  if (given === undefined) return ownedBy(stats);
  return given.get(path) ?? { uid: 0, gid: 0, mode: stats.mode & 0o7777 };
}

function ownedBy({ uid, gid, mode }: Stats): Given {
  return { uid, gid, mode: mode & 0o7777 };
}
