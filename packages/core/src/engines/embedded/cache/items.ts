import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { CallOptions } from '@mabuild/oci';
import type { SandboxOptions } from '../sandbox/choice/choose.ts';
import { entriesBelow } from '../sandbox/files/names-below.ts';
import { sizeOnDisk } from '../sandbox/shelf/shelf-tidy.ts';
import { openShelves, type Shelf, type ShelfItem } from '../sandbox/shelf/shelves.ts';

/** What a cache holds, in the order of what it costs to get it again. */
export const cacheKinds = [
  /** Layers as they are published. */
  'layer',
  /** What steps made of what they were given. */
  'result',
  /** What layers hold. */
  'scan',
  /** Layers as RUN sees them. */
  'unpacked',
  /** Folders of `RUN --mount=type=cache`. */
  'cache-mount',
  /** Manifests of registries. */
  'download',
  /** Emulators and proot that were fetched. */
  'program',
  /** What was found out about images, engines and registries besides, and what V8 made of this program's code. */
  'record',
] as const;

/** One of {@link cacheKinds}. */
export type CacheKind = (typeof cacheKinds)[number];

/** One thing of a cache, deleted whole or not at all. */
export interface CacheItem {
  readonly kind: CacheKind;
  /** Below the cache's folder. */
  readonly id: string;
  /** Bytes on the disk. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
  /** Id of a cache mount. */
  readonly name?: string | undefined;
  /** What is dated when it is used; what a {@link Claim} names. */
  readonly dated: string;
  /** The path. */
  readonly path: string;
  /** Of what lies on a shelf. */
  readonly place?: { readonly shelf: Shelf; readonly item: ShelfItem } | undefined;
}

/** A cache and what is needed to look into it. */
export interface CachePlace {
  /** Its folder. */
  readonly directory: string;
  /** With it, what sandboxes keep is looked at, too. */
  readonly sandbox?: SandboxOptions | undefined;
}

const kindsOfMemory: Readonly<Record<string, CacheKind>> = {
  run: 'result',
  step: 'result',
  'step-layer': 'result',
  'step-outline': 'result',
  'layer-entries': 'scan',
  layer: 'scan',
  folders: 'scan',
};

/** Lists what a cache holds; of files only their names, sizes and times are read. */
export async function cacheItems(
  { directory, sandbox }: CachePlace,
  options: CallOptions = {},
): Promise<readonly CacheItem[]> {
  const items: CacheItem[] = [];
  const files = (folder: string, kind: CacheKind): void => {
    for (const name of namesIn(directory, folder)) {
      const item = itemAt(directory, `${folder}/${name}`, kind, (stats) => stats.isFile());
      if (item !== undefined) items.push(item);
    }
  };
  for (const { name } of entriesBelow(directory, 'content/blobs')) files(`content/blobs/${name}`, 'layer');
  for (const entry of entriesBelow(directory, 'memory'))
    if (entry.isDirectory()) files(`memory/${entry.name}`, kindsOfMemory[entry.name] ?? 'record');
  files('manifests', 'download');
  files('code', 'record');
  for (const name of namesIn(directory, 'programs')) {
    const id = `programs/${name}`;
    const item = itemAt(directory, id, 'program', (stats) => stats.isDirectory());
    if (item !== undefined) items.push({ ...item, size: sizeOnDisk(item.path) });
  }
  for (const shelf of sandbox === undefined ? [] : await openShelves(sandbox)) {
    options.signal?.throwIfAborted();
    const found = await shelf.items();
    const sizes = await shelf.sizes(found, options);
    for (const item of found) {
      const path = join(shelf.directory, item.path);
      items.push({
        ...{ kind: item.kind, id: path.slice(directory.length + 1), size: sizes.get(item.path) ?? 0 },
        ...{ lastUsed: item.lastUsed, name: item.name, dated: item.dated, path },
        place: { shelf, item },
      });
    }
  }
  return items;
}

/** When something was used last; `undefined` when it is not there any more. */
export function lastUseOf({ dated, path }: Pick<CacheItem, 'dated' | 'path'>): number | undefined {
  return (
    lstatSync(dated, { throwIfNoEntry: false })?.mtimeMs ??
    lstatSync(path, { throwIfNoEntry: false })?.mtimeMs
  );
}

function itemAt(
  directory: string,
  id: string,
  kind: CacheKind,
  fits: (stats: Stats) => boolean,
): CacheItem | undefined {
  const path = join(directory, id);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !fits(stats)) return undefined;
  return { kind, id, size: stats.blocks * 512, lastUsed: stats.mtimeMs, dated: path, path };
}

/** Names without those of what is being written. */
function namesIn(directory: string, folder: string): readonly string[] {
  return entriesBelow(directory, folder).flatMap(({ name }) => (name.startsWith('.') ? [] : [name]));
}
