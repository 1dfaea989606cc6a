import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type CallOptions, placeFile } from '@mabuild/oci';
import { prepareSandbox, type SandboxOptions, sandboxOrder } from '../choice/choose.ts';
import { entriesBelow, namesBelow } from '../files/names-below.ts';
import { runJob } from '../helper/helper-process.ts';
import type { JobMessage } from '../helper/job.ts';
import { type ShelfTidy, tidyShelf } from './shelf-tidy.ts';

/** An unpacked layer, or the folder of a `RUN --mount=type=cache`. */
export interface ShelfItem {
  readonly kind: 'unpacked' | 'cache-mount';
  /** Below the shelf: `layers/…`, `caches/…`. */
  readonly path: string;
  /** Whose time says when it was used last. */
  readonly dated: string;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
  /** Of a mount: its id, where that is known. */
  readonly name: string | undefined;
}

/** What one kind of sandbox keeps. */
export interface Shelf {
  readonly directory: string;
  items(): Promise<readonly ShelfItem[]>;
  /** Bytes on the disk by path; what was measured before and does not change is not measured again. */
  sizes(items: readonly ShelfItem[], options?: CallOptions): Promise<ReadonlyMap<string, number>>;
  /** Takes a thing off the shelf at once; {@link Shelf.clear} deletes it. @throws what the file system says */
  takeDown(item: ShelfItem): Promise<void>;
  /** Deletes what was taken down, now or by somebody who was stopped. @returns what could not be deleted, in words */
  clear(options?: CallOptions): Promise<readonly string[]>;
}

interface KnownSize {
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const takenDown = /^\.gone-/;

/** Where the id of a cache mount is written down, and when it was used last; its folder may be another user's. */
export function useOfCache(shelf: string, name: string): string {
  return join(shelf, 'uses', name);
}

/** Writes down that a cache mount is used. */
export async function noteCacheUse(shelf: string, name: string, id: string): Promise<string> {
  const file = useOfCache(shelf, name);
  await mkdir(join(shelf, 'uses'), { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify({ id }), { mode: 0o600 });
  return file;
}

/** Opens the shelves of all sandboxes that there were; those of this user's own through their helper. */
export async function openShelves(options: SandboxOptions): Promise<readonly Shelf[]> {
  const present = entriesBelow(dirname(options.directory), basename(options.directory));
  const shelves = new Map<string, Shelf>();
  for (const entry of present) {
    if (!entry.isDirectory()) continue;
    const directory = join(options.directory, entry.name);
    shelves.set(
      directory,
      shelfAt(directory, async (tidy) => inProcess(directory, tidy)),
    );
  }
  for (const [kind, fileSystem] of shelves.size === 0 ? [] : sandboxOrder(options)) {
    const { site, job } = await prepareSandbox(options, kind, fileSystem);
    const { directory } = site;
    if (!shelves.has(directory)) continue;
    const ask = async (tidy: ShelfTidy, { signal }: CallOptions): Promise<readonly JobMessage[]> => {
      try {
        return await runJob(site, { ...job, layers: [], tidy }, { signal });
      } catch {
        signal?.throwIfAborted();
        // This kind of sandbox does not start any more: what is this user's own needs none.
        return inProcess(directory, tidy);
      }
    };
    shelves.set(directory, shelfAt(directory, ask));
  }
  return [...shelves.values()];
}

function inProcess(directory: string, tidy: ShelfTidy): readonly JobMessage[] {
  const notes: JobMessage[] = [];
  const measured = tidyShelf(directory, tidy, (text) => notes.push({ kind: 'note', text }));
  return [...notes, ...measured.map((item) => ({ kind: 'measured', ...item }) as const)];
}

function shelfAt(
  directory: string,
  ask: (tidy: ShelfTidy, options: CallOptions) => Promise<readonly JobMessage[]>,
): Shelf {
  const sizesFile = join(directory, 'sizes.json');
  return {
    directory,
    async items() {
      return [...(await layersOn(directory)), ...(await cachesOn(directory))];
    },
    async sizes(items, options = {}) {
      const known = await readSizes(sizesFile);
      const at = Date.now();
      const measure = items.filter(({ path, kind, lastUsed }) => {
        const last = known.get(path);
        return last === undefined || (kind === 'cache-mount' && last.at <= lastUsed);
      });
      if (measure.length > 0) {
        const answers = await ask({ remove: [], measure: measure.map(({ path }) => path) }, options);
        for (const answer of answers)
          if (answer.kind === 'measured') known.set(answer.path, { size: answer.size, at });
        const kept = items.flatMap(({ path }) => {
          const size = known.get(path);
          return size === undefined ? [] : [[path, size] as const];
        });
        await writeSizes(sizesFile, Object.fromEntries(kept));
      }
      return new Map(items.map(({ path }) => [path, known.get(path)?.size ?? 0]));
    },
    async takeDown({ path, kind, dated }) {
      const folder = kind === 'unpacked' ? 'layers' : 'caches';
      const name = `.gone-${randomBytes(6).toString('hex')}`;
      // A folder of another user may change its name, not the folder that it is in.
      await rename(join(directory, path), join(directory, folder, name));
      if (kind === 'cache-mount') await rm(dated, { force: true });
    },
    async clear(options = {}) {
      const remove: string[] = [];
      for (const folder of ['layers', 'caches'])
        for (const name of namesBelow(directory, folder))
          if (takenDown.test(name)) remove.push(`${folder}/${name}`);
      if (remove.length === 0) return [];
      const answers = await ask({ remove, measure: [] }, options);
      return answers.flatMap((answer) => (answer.kind === 'note' ? [answer.text] : []));
    },
  };
}

async function layersOn(directory: string): Promise<readonly ShelfItem[]> {
  return await namesOn(directory, 'layers', async (name) => {
    const dated = join(directory, 'layers', name);
    const found = await stat(dated);
    return { kind: 'unpacked', path: `layers/${name}`, dated, lastUsed: found.mtimeMs, name: undefined };
  });
}

async function cachesOn(directory: string): Promise<readonly ShelfItem[]> {
  return await namesOn(directory, 'caches', async (name) => {
    const file = useOfCache(directory, name);
    const { mtimeMs } = await stat(file).catch(() => stat(join(directory, 'caches', name)));
    const id = await idIn(file);
    return { kind: 'cache-mount', path: `caches/${name}`, dated: file, lastUsed: mtimeMs, name: id };
  });
}

async function idIn(file: string): Promise<string | undefined> {
  try {
    const { id } = JSON.parse(await readFile(file, 'utf8')) as { readonly id?: unknown };
    return typeof id === 'string' && id !== '' ? id : undefined;
  } catch {
    return undefined;
  }
}

async function namesOn(
  directory: string,
  folder: string,
  read: (name: string) => Promise<ShelfItem>,
): Promise<readonly ShelfItem[]> {
  const items: ShelfItem[] = [];
  for (const name of namesBelow(directory, folder)) {
    if (takenDown.test(name)) continue;
    // It went away meanwhile.
    const item = await read(name).catch(() => undefined);
    if (item !== undefined) items.push(item);
  }
  return items;
}

async function readSizes(file: string): Promise<Map<string, KnownSize>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, KnownSize>));
  } catch {
    return new Map();
  }
}

async function writeSizes(file: string, sizes: Readonly<Record<string, KnownSize>>): Promise<void> {
  await placeFile(join(file, '..'), async (handle) => {
    await handle.writeFile(JSON.stringify(sizes));
    return file;
  }).catch(() => undefined);
}
