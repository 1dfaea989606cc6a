import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { MabuildError } from '@mabuild/oci';
import { pathNames } from '../layers/tree.ts';

/** A layer as it lies on disk, in the form that overlayfs takes. */
export interface UnpackedLayer {
  /** Folder that holds the layer's files; a whiteout is a character device 0/0. */
  readonly root: string;
  /** Paths of folders that hide what lies below; known here because only tools read extended attributes. */
  readonly opaque: ReadonlySet<string>;
  /** Whiteouts that are not on disk yet. */
  readonly whiteouts?: ReadonlySet<string>;
}

/** What lies at a path of the merged view. */
export interface MergedNode {
  /** In the topmost layer that has it. */
  readonly file: string;
  /** Number of that layer, 0 on top. */
  readonly layer: number;
  readonly stats: Stats;
}

/** Links that one path may lead through, as in containerd. */
const mostLinks = 255;

/** What lies at a path when overlayfs merges these layers; no link is followed. @param layers the topmost first */
export function mergedNode(layers: readonly UnpackedLayer[], path: string): MergedNode | undefined {
  const names = pathNames(path);
  let below = layers.map((_, index) => index);
  let found: MergedNode | undefined;
  for (let depth = 0; depth <= names.length; depth += 1) {
    const at = names.slice(0, depth).join('/');
    const folders: number[] = [];
    found = undefined;
    for (const index of below) {
      const layer = layers[index] as UnpackedLayer;
      if (layer.whiteouts?.has(at)) break;
      const file = at === '' ? layer.root : `${layer.root}/${at}`;
      const stats = lstatSync(file, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (isWhiteout(stats)) break;
      found ??= { file, layer: index, stats };
      // A file below a folder is hidden, and so is all below it.
      if (!stats.isDirectory()) break;
      folders.push(index);
      if (layer.opaque.has(at)) break;
    }
    if (found === undefined) return undefined;
    if (depth < names.length && !found.stats.isDirectory()) return undefined;
    below = folders;
  }
  return found;
}

/** Where a path leads when every link is followed inside the root; what is not there is kept as it is. @throws MabuildError `TOO_MANY_LINKS` */
export function mergedPath(layers: readonly UnpackedLayer[], path: string): string {
  const left = path.split('/').reverse();
  const done: string[] = [];
  for (let links = 0; left.length > 0; ) {
    const name = left.pop() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const node = mergedNode(layers, [...done, name].join('/'));
    if (node === undefined || !node.stats.isSymbolicLink()) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > mostLinks) {
      throw new MabuildError(`following links from /${path}: there are too many`, {
        code: 'TOO_MANY_LINKS',
        hint: 'links lead in a circle: look with `ls -l` in the base image',
      });
    }
    const target = readlinkSync(node.file);
    if (target.startsWith('/')) done.length = 0;
    left.push(...target.split('/').reverse());
  }
  return done.join('/');
}

/** The character device 0/0, which stands for a deleted file. */
export function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}
