import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedPath } from './shared.ts';

/** A commit that made one Dockerfile build on ARM too. */
export interface PortedFile {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** What the same people keep for each architecture. */
export interface SiblingFiles {
  readonly name: string;
  readonly amd64: string;
  readonly arm64: string | undefined;
  readonly armv7: string | undefined;
}

export interface PlainFile {
  readonly name: string;
  readonly text: string;
}

/** `corpus/commits`, in the order of names. */
export function portedFiles(): readonly PortedFile[] {
  return folders('commits').map((name) => ({
    name,
    before: read('commits', name, 'before.Dockerfile') ?? '',
    after: read('commits', name, 'after.Dockerfile') ?? '',
  }));
}

/** `corpus/siblings`, in the order of names. */
export function siblingFiles(): readonly SiblingFiles[] {
  return folders('siblings').map((name) => ({
    name,
    amd64: read('siblings', name, 'amd64.Dockerfile') ?? '',
    arm64: read('siblings', name, 'arm64.Dockerfile'),
    armv7: read('siblings', name, 'armv7.Dockerfile'),
  }));
}

/** `corpus/plain`: anything; a file there need not be valid. */
export function plainFiles(): readonly PlainFile[] {
  return folders('plain').map((name) => ({ name, text: read('plain', name) ?? '' }));
}

/** Every file that people wrote for amd64 and that has a port: `siblings` and the `before` files of `commits`. */
export function x64Files(): readonly PlainFile[] {
  return [
    ...siblingFiles().map(({ name, amd64 }) => ({ name: `siblings/${name}`, text: amd64 })),
    ...portedFiles().map(({ name, before }) => ({ name: `commits/${name}`, text: before })),
  ];
}

/** Every file that people wrote, or rewrote, for ARM: the other files of `siblings` and the `after` files of `commits`. */
export function armFiles(): readonly PlainFile[] {
  return [
    ...siblingFiles().flatMap(({ name, arm64, armv7 }) =>
      Object.entries({ arm64, armv7 }).flatMap(([arch, text]) =>
        text === undefined ? [] : [{ name: `siblings/${name} ${arch}`, text }],
      ),
    ),
    ...portedFiles().map(({ name, after }) => ({ name: `commits/${name} after`, text: after })),
  ];
}

/** The parts of the corpus. */
export const corpusParts = ['siblings', 'commits', 'plain'] as const;

/** The path of every Dockerfile of a part: whatever is not a note about one. */
export function corpusPaths(part: (typeof corpusParts)[number]): readonly string[] {
  return readdirSync(sharedPath('corpus', part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(?:json|md)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function folders(part: string): readonly string[] {
  return readdirSync(sharedPath('corpus', part)).sort();
}

function read(...parts: string[]): string | undefined {
  const path = join(sharedPath('corpus'), ...parts);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** `97.4 % (37 of 38)`. */
export function share(part: number, whole: number): string {
  return `${whole === 0 ? '100.0' : ((100 * part) / whole).toFixed(1)} % (${part} of ${whole})`;
}
