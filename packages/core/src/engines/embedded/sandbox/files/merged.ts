import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { MabuildError } from '@mabuild/oci';
import { pathNames } from '../../layers/tree.ts';
import type { Given } from './given.ts';

/** A layer as it lies on disk, in the form that overlayfs takes. */
export interface UnpackedLayer {
  /** Folder that holds the layer's files; a whiteout is a character device 0/0. */
  readonly root: string;
  /** Paths of folders that hide what lies below; known here because only tools read extended attributes. */
  readonly opaque: ReadonlySet<string>;
  /** Whiteouts that are not on disk yet. */
  readonly whiteouts?: ReadonlySet<string>;
  /** Owners and modes that the files have in the image; known where all belong to the one user that there is. */
  readonly given?: ReadonlyMap<string, Given>;
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

/** A place of the merged view, from which a walk goes on. */
export interface MergedPlace {
  readonly path: string;
  readonly node: MergedNode | undefined;
  /** Numbers of the layers whose folders are merged here. */
  readonly folders: readonly number[];
}

/** The root, where a walk begins. */
export function mergedRoot(layers: readonly UnpackedLayer[]): MergedPlace {
  return look(
    layers,
    '',
    layers.map((_, index) => index),
  );
}

/** One step down; no link is followed. */
export function mergedChild(layers: readonly UnpackedLayer[], from: MergedPlace, name: string): MergedPlace {
  return look(layers, from.path === '' ? name : `${from.path}/${name}`, from.folders);
}

function look(layers: readonly UnpackedLayer[], path: string, below: readonly number[]): MergedPlace {
  const folders: number[] = [];
  let node: MergedNode | undefined;
  for (const index of below) {
    const layer = layers[index] as UnpackedLayer;
    const file = path === '' ? layer.root : `${layer.root}/${path}`;
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined) {
      if (layer.whiteouts?.has(path)) break;
      continue;
    }
    if (isWhiteout(stats)) break;
    // A file below a folder is hidden, and so is all below it.
    if (node !== undefined && !stats.isDirectory()) break;
    node ??= { file, layer: index, stats };
    if (!stats.isDirectory()) break;
    folders.push(index);
    if (layer.opaque.has(path)) break;
  }
  return { path, node, folders };
}

/** What lies at a path when overlayfs merges these layers; no link is followed. @param layers the topmost first */
export function mergedNode(layers: readonly UnpackedLayer[], path: string): MergedNode | undefined {
  let place = mergedRoot(layers);
  for (const name of pathNames(path)) {
    place = mergedChild(layers, place, name);
    if (place.node === undefined) return undefined;
  }
  return place.node;
}

/** Where a path leads when every link is followed inside the root; what is not there is kept as it is. @throws MabuildError `TOO_MANY_LINKS` */
export function mergedPath(layers: readonly UnpackedLayer[], path: string): string {
  const left = path.split('/').reverse();
  const places = [mergedRoot(layers)];
  for (let links = 0; left.length > 0; ) {
    const name = left.pop() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (places.length > 1) places.pop();
      continue;
    }
    const place = mergedChild(layers, places.at(-1) as MergedPlace, name);
    if (!place.node?.stats.isSymbolicLink()) {
      places.push(place);
      continue;
    }
    links += 1;
    if (links > mostLinks) {
      throw new MabuildError(`following links from /${path}: there are too many`, {
        code: 'TOO_MANY_LINKS',
        hint: 'links lead in a circle: look with `ls -l` in the base image',
      });
    }
    const target = readlinkSync(place.node.file);
    if (target.startsWith('/')) places.length = 1;
    left.push(...target.split('/').reverse());
  }
  return places.at(-1)?.path ?? '';
}

/** The character device 0/0, which stands for a deleted file. */
export function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** What the files of layers were given that lie over each other. @param layers the topmost first */
export function mergedGiven(layers: readonly UnpackedLayer[]): ReadonlyMap<string, Given> {
  const found = new Map<string, Given>();
  for (const [index, { given }] of layers.entries()) {
    for (const [path, fields] of given ?? [])
      if (!found.has(path) && mergedNode(layers, path)?.layer === index) found.set(path, fields);
  }
  return found;
}
