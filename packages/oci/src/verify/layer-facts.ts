import type { ElfFacts } from '../elf/elf-facts.ts';

/** An ELF file of a layer. */
export interface ElfFile extends ElfFacts {
  readonly path: string;
  /** Permission bits, e.g. `0o755`. */
  readonly mode: number;
}

/** A file that starts with `#!`. */
export interface ScriptFile {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** The program after `#!`, e.g. `/usr/bin/env`. */
  readonly interpreter: string;
  /** What follows it, e.g. `python3`. */
  readonly argument?: string;
}

/** A symbolic link, or another name (`hard`) for a file of the same or a lower layer. */
export interface LinkFile {
  readonly path: string;
  readonly target: string;
  readonly hard?: true;
}

/**
 * What one layer holds, as far as it matters for telling what runs: plain JSON, the same for the same digest, so that it
 * can be remembered. Paths have no leading slash.
 */
export interface LayerFacts {
  readonly version: 1;
  /** Why the layer could not be read; the lists are empty then. */
  readonly unreadable?: string;
  /** Paths that the layer deletes. */
  readonly whiteouts: readonly string[];
  /** Folders whose content in lower layers is hidden. */
  readonly opaque: readonly string[];
  readonly directories: readonly string[];
  readonly elf: readonly ElfFile[];
  readonly scripts: readonly ScriptFile[];
  readonly links: readonly LinkFile[];
  /** Names of all other files, by folder: they hide what lower layers have under these names. */
  readonly others: Readonly<Record<string, readonly string[]>>;
  /** The text of the files that tell the loader where libraries are (`/etc/ld.so.conf` and its like). */
  readonly loaderPaths: Readonly<Record<string, string>>;
}

/** Facts that say nothing, or nothing but why there are none. */
export function emptyLayerFacts(unreadable?: string): LayerFacts {
  return {
    version: 1,
    ...(unreadable === undefined ? {} : { unreadable }),
    whiteouts: [],
    opaque: [],
    directories: [],
    elf: [],
    scripts: [],
    links: [],
    others: {},
    loaderPaths: {},
  };
}

/** Tells whether JSON that was remembered is facts of this version; content is not checked further. */
export function isLayerFacts(value: unknown): value is LayerFacts {
  return typeof value === 'object' && value !== null && (value as { version?: unknown }).version === 1;
}
