import { lstatSync, readdirSync } from 'node:fs';
import { removeTree } from '../files/remove-tree.ts';

/** What a helper does to its shelf: only it can look into folders of all its users, and delete them. */
export interface ShelfTidy {
  /** Deleted: `layers/…`, `caches/…`. */
  readonly remove: readonly string[];
  /** Measured. */
  readonly measure: readonly string[];
}

export interface Measured {
  readonly path: string;
  /** Bytes that it takes on the disk. */
  readonly size: number;
}

const shelfPlace = /^(?:layers|caches)\/[\w.-]+$/;

/** Deletes and measures; what cannot be deleted is told. */
export function tidyShelf(
  directory: string,
  { remove, measure }: ShelfTidy,
  onNote: (text: string) => void,
): readonly Measured[] {
  for (const path of remove.filter(isShelfPlace)) {
    try {
      removeTree(`${directory}/${path}`);
    } catch (error) {
      onNote(`${directory}/${path} could not be deleted (${(error as Error).message})`);
    }
  }
  return measure.filter(isShelfPlace).map((path) => ({ path, size: sizeOnDisk(`${directory}/${path}`) }));
}

/** What a file or a folder takes on the disk, bytes; a file with several names counts once. */
export function sizeOnDisk(path: string): number {
  const known = new Set<string>();
  const waiting = [path];
  let blocks = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    try {
      const found = lstatSync(at);
      if (found.nlink > 1 && !found.isDirectory()) {
        const inode = `${found.dev} ${found.ino}`;
        if (known.has(inode)) continue;
        known.add(inode);
      }
      blocks += found.blocks;
      if (found.isDirectory()) for (const name of readdirSync(at)) waiting.push(`${at}/${name}`);
    } catch {
      // It went away, lies too deep to be named, or is somebody else's.
    }
  }
  return blocks * 512;
}

function isShelfPlace(path: string): boolean {
  return shelfPlace.test(path) && !path.endsWith('/..') && !path.endsWith('/.');
}
