import { lstatSync } from 'node:fs';

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

/** Tells whether the only user of a sandbox cannot get at a file of its own. */
export function isClosed(file: string, mode: number): boolean {
  const needs = lstatSync(file).isDirectory() ? needed.folder : needed.other;
  return (mode & needs) !== needs;
}
