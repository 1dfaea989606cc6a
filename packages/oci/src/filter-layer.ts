import { readTarRecords, type TarRecord } from './tar-records.ts';

/** What a folder is, apart from its times. */
export interface FolderFacts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What to take out of a layer. */
export interface LayerFilter {
  /** The emulator's path in the image, without leading slash. */
  readonly path: string;
  /** The emulator's size in bytes: a copy elsewhere is known by path and size. */
  readonly size: number;
  /** Folders above `path` as the layers below have them. */
  readonly below: ReadonlyMap<string, FolderFacts>;
}

/** What was found; complete when the filtered bytes were read to their end. */
export interface LayerFilterResult {
  /** Something was taken out. */
  changed: boolean;
  /** Nothing but what was taken out was there. */
  empty: boolean;
  /** Folders above the path that this layer keeps, for the layers on top of it. */
  readonly folders: Map<string, FolderFacts>;
}

/**
 * Takes an injected emulator out of a layer's tar; every other member keeps its very bytes.
 *
 * Out go the path itself, whiteouts of it, hard links to it, copies of it below another root (`COPY --from=build / /root/`),
 * and the folders above it that this layer lists for its sake alone: empty here, and unknown below or there with the same
 * owner and mode. A folder that somebody made or changed otherwise stays.
 */
export function filterLayer(
  tar: AsyncIterable<Uint8Array>,
  filter: LayerFilter,
): { readonly body: AsyncGenerator<Uint8Array>; readonly result: LayerFilterResult } {
  const result: LayerFilterResult = { changed: false, empty: true, folders: new Map() };
  return { body: filtered(tar, filter, result), result };
}

async function* filtered(
  tar: AsyncIterable<Uint8Array>,
  filter: LayerFilter,
  result: LayerFilterResult,
): AsyncGenerator<Uint8Array> {
  const above = foldersAbove(filter.path);
  // Folders above the path wait here until something else inside them comes, or the archive ends.
  const held = new Map<string, TarRecord>();
  const release = function* (paths: Iterable<string>): Generator<Uint8Array> {
    for (const path of paths) {
      const folder = held.get(path);
      if (!folder) continue;
      held.delete(path);
      result.empty = false;
      result.folders.set(path, factsOf(folder));
      yield folder.header;
    }
  };
  for await (const record of readTarRecords(tar)) {
    if ('trailer' in record) {
      // Without the emulator or its own folder these are somebody else's.
      const touched = result.changed || held.has(filter.path.slice(0, filter.path.lastIndexOf('/')));
      yield* release(
        [...held.keys()].filter((path) => !touched || differs(held.get(path)!, filter.below.get(path))),
      );
      if (held.size > 0) result.changed = true;
      yield* record.trailer;
      return;
    }
    const path = plainPath(record.name);
    if (isEmulator(path, record, filter)) {
      result.changed = true;
    } else if (record.type === '5' && above.has(path)) {
      held.set(path, record);
    } else {
      yield* release(foldersAbove(path));
      if (path !== '' || record.type !== '5') result.empty = false;
      yield record.header;
      yield* record.body();
    }
  }
}

function isEmulator(path: string, record: TarRecord, { path: emulator, size }: LayerFilter): boolean {
  if (path === emulator || path === whiteoutOf(emulator)) return true;
  if (record.type === '1' && plainPath(record.linkname) === emulator) return true;
  return path.endsWith(`/${emulator}`) && record.type === '0' && record.size === size;
}

function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return `${path.slice(0, slash + 1)}.wh.${path.slice(slash + 1)}`;
}

function differs(folder: TarRecord, below: FolderFacts | undefined): boolean {
  if (!below) return false;
  return folder.mode !== below.mode || folder.uid !== below.uid || folder.gid !== below.gid;
}

function factsOf(record: TarRecord): FolderFacts {
  return { mode: record.mode, uid: record.uid, gid: record.gid };
}

/** `./a/b/` and `/a/b` as `a/b`. */
function plainPath(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** `a/b/c` gives `a` and `a/b`. */
function foldersAbove(path: string): ReadonlySet<string> {
  const parts = path.split('/');
  return new Set(parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/')));
}

/** The folders above a path that a layer lists, for layers that are read but not changed. */
export async function foldersOfLayer(
  tar: AsyncIterable<Uint8Array>,
  path: string,
): Promise<ReadonlyMap<string, FolderFacts>> {
  const above = foldersAbove(path);
  const folders = new Map<string, FolderFacts>();
  for await (const record of readTarRecords(tar)) {
    if ('trailer' in record) {
      for await (const _ of record.trailer);
      break;
    }
    const name = plainPath(record.name);
    if (record.type === '5' && above.has(name)) folders.set(name, factsOf(record));
  }
  return folders;
}
