import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mergedNode, type UnpackedLayer } from '../files/merged.ts';
import { givenTo } from '../files/owners.ts';

/** A folder that a layer puts files into without naming it: what it is like below, or `null` where it is not there. */
export type Assumption = readonly [
  path: string,
  folder: readonly [uid: number, gid: number, mode: number, mtimeMs: number] | null,
];

/** What a layer that is unpacked takes for granted of those below. */
export function assumptionOf(layers: readonly UnpackedLayer[], path: string): Assumption | undefined {
  const node = mergedNode(layers, path);
  if (node === undefined) return [path, null];
  if (!node.stats.isDirectory()) return undefined;
  const { uid, gid, mode } = givenTo(layers, path, node);
  return [path, [uid, gid, mode, node.stats.mtimeMs]];
}

/** Tells whether a layer would come out the same over these. */
export function suits(assumptions: readonly Assumption[], below: readonly UnpackedLayer[]): boolean {
  return assumptions.every((item) => JSON.stringify(assumptionOf(below, item[0])) === JSON.stringify(item));
}

const pattern = /^[0-9a-f]{24}$/;

/** Under which name a layer lies on the shelf: its own, or that of the same layer of another image. */
export function nameOnShelf(directory: string, id: string): string | undefined {
  const folder = `${directory}/layers/${id}`;
  if (!existsSync(folder)) return undefined;
  const same = sameAs(folder);
  if (same === undefined) return id;
  return existsSync(`${directory}/layers/${same}`) ? same : undefined;
}

/** Notes that a layer is the same as another one. @param made path of a folder to make */
export function noteSame(directory: string, id: string, same: string, made: string): void {
  mkdirSync(made);
  writeFileSync(`${made}/same`, same);
  placeOnShelf(directory, id, made);
}

/** Moves a finished folder to its place. @returns whether it got there: somebody else may have been faster */
export function placeOnShelf(directory: string, name: string, made: string): boolean {
  const folder = `${directory}/layers/${name}`;
  // What it was the same as is gone.
  if (nameOnShelf(directory, name) === undefined) rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(made, folder);
    return true;
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

function sameAs(folder: string): string | undefined {
  try {
    const name = readFileSync(`${folder}/same`, 'utf8');
    return pattern.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
