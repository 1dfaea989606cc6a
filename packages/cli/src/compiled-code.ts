import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** The files of a bundle, each a function body of CommonJS; what V8 makes of them is kept between processes. */
export interface CompiledCode {
  /** Runs a file of the bundle, once, and gives what it exports. */
  load(name: string): unknown;
  /**
   * Writes down what V8 made of the files that were loaded, where that is possible.
   * @param whole also when they were known: what of them was run for the first time is added, if it is much
   */
  keep(whole?: boolean): void;
}

interface Module {
  readonly exports: unknown;
}

type Body = (
  exports: unknown,
  require: (name: string) => unknown,
  module: Module,
  later: (name: string) => Promise<unknown>,
) => void;

/** V8 reads what begins at such an address without copying it. */
const alignment = 8;
/** How much more there must be to write it again. */
const worthWriting = 1.1;
/** Milliseconds; what is still in use is soon made again. */
const longestKept = 30 * 24 * 3600 * 1000;

/**
 * Opens a bundle whose files call each other by `require('./NAME')`, and by `later('./NAME')` where ES modules say
 * `import()`, which leads to what is no part of it too.
 *
 * @param folder of the bundle
 * @param kept what V8 made; its name must change with the bundle and with Node, as V8 compares little more than lengths
 */
export function openCode(folder: string, kept: string): CompiledCode {
  const known = readKept(kept);
  const scripts = new Map<string, Script>();
  const modules = new Map<string, Module>();
  let isNew = false;
  const outside = (name: string): unknown =>
    process.getBuiltinModule(name) ?? createRequire(join(folder, 'main.cjs'))(name);
  const require = (name: string): unknown => (name.startsWith('./') ? load(name) : outside(name));
  const load = (path: string): unknown => {
    const name = basename(path);
    const there = modules.get(name);
    if (there !== undefined) return there.exports;
    const module: Module = { exports: {} };
    modules.set(name, module);
    const filename = join(folder, name);
    const cachedData = known.get(name);
    // The bundle is ASCII, which needs no decoding.
    const body = readFileSync(filename, 'latin1');
    const script = new Script(`(function (exports, require, module, later) {'use strict';${body}\n})`, {
      filename,
      cachedData,
    });
    isNew ||= cachedData === undefined || script.cachedDataRejected === true;
    scripts.set(name, script);
    (script.runInThisContext() as Body)(module.exports, require, module, later);
    return module.exports;
  };
  const later = async (name: string): Promise<unknown> => {
    if (!name.startsWith('./')) return await import(name);
    return name.endsWith('.cjs') ? load(name) : await import(pathToFileURL(join(folder, name)).href);
  };
  return {
    load,
    keep(whole = false) {
      if (!isNew && !whole) return;
      const before = sizeOf(known);
      for (const [name, script] of scripts) known.set(name, script.createCachedData());
      if (!isNew && sizeOf(known) < before * worthWriting) return;
      try {
        writeKept(kept, known);
      } catch {
        // The next process compiles everything again.
      }
    },
  };
}

function sizeOf(parts: ReadonlyMap<string, Buffer>): number {
  return [...parts.values()].reduce((sum, { length }) => sum + length, 0);
}

/** What is kept of a file: its name, bytes, and their checksum, as V8 runs what it gets. */
type Part = readonly [name: string, size: number, checksum: number];

/** What this user wrote, and nobody else could: it is run. */
function readKept(file: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  try {
    const { uid, mode } = statSync(file);
    if (uid !== (process.getuid?.() ?? uid) || (mode & 0o022) !== 0) return found;
    const bytes = readFileSync(file);
    const end = bytes.indexOf('\n');
    let at = aligned(end + 1);
    for (const [name, size, checksum] of JSON.parse(bytes.toString('utf8', 0, end)) as readonly Part[]) {
      const some = bytes.subarray(at, at + size);
      if (crc32(some) === checksum) found.set(name, some);
      at = aligned(at + size);
    }
    return found;
  } catch {
    return new Map();
  }
}

function writeKept(file: string, parts: ReadonlyMap<string, Buffer>): void {
  const list = [...parts].map(([name, bytes]): Part => [name, bytes.length, crc32(bytes)]);
  const padded = [Buffer.from(`${JSON.stringify(list)}\n`), ...parts.values()].flatMap((bytes) => [
    bytes,
    Buffer.alloc(aligned(bytes.length) - bytes.length),
  ]);
  const made = `${file}-${process.pid}-${process.hrtime.bigint()}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(made, Buffer.concat(padded), { mode: 0o600, flag: 'wx' });
    // It is there whole or not at all.
    renameSync(made, file);
  } finally {
    rmSync(made, { force: true });
  }
  removeOld(dirname(file));
}

/** Those of versions that were replaced. */
function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    if (written !== undefined && written < Date.now() - longestKept) rmSync(file, { force: true });
  }
}

function aligned(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}
