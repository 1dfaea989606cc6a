import { lstatSync } from 'node:fs';
import { mergedNode, type UnpackedLayer } from './merged.ts';

/** What an image gives a file, where the file itself cannot have it. */
export interface Given {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** What the only user of a sandbox needs to read, change and delete what is its own. */
const needed = { folder: 0o700, other: 0o600 } as const;

/** Remembers what a file was given, unless that is what it has anyway. @returns the mode that it gets */
export function remember(
  given: Map<string, Given>,
  path: string,
  { uid, gid, mode }: Given,
  kind: keyof typeof needed,
): number {
  const open = mode | needed[kind];
  if (uid === 0 && gid === 0 && open === mode) given.delete(path);
  else given.set(path, { uid, gid, mode });
  return open;
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

/** Tells whether the only user of a sandbox cannot get at a file of its own. */
export function isClosed(file: string, mode: number): boolean {
  const needs = lstatSync(file).isDirectory() ? needed.folder : needed.other;
  return (mode & needs) !== needs;
}
