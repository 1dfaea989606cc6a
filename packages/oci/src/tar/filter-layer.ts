import { readTarRecords, type TarRecord } from './tar-records.ts';

/** What a folder is, apart from its times. */
export interface FolderFacts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What to take out of a layer. */
export interface LayerFilter {
  /** An injected emulator. */
  readonly emulator?: EmulatorPlace | undefined;
  /** Name of a folder that was added to the build context: what has it anywhere in its path goes. */
  readonly folder?: string | undefined;
  /** Folders above the emulator as the layers below have them. */
  readonly below: ReadonlyMap<string, FolderFacts>;
}

/** Where an emulator lies in an image. */
export interface EmulatorPlace {
  /** Without leading slash. */
  readonly path: string;
  /** Bytes: a copy elsewhere is known by path and size. */
  readonly size: number;
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
 * Takes out of a layer's tar what a build added for its own sake; every other member keeps its very bytes.
 *
 * Out go the added folder of the context, and of the emulator the path itself, whiteouts of it, hard links to it, copies of it below another root (`COPY --from=build / /root/`),
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
  const { emulator, folder: added } = filter;
  const above = foldersAbove(emulator?.path ?? '');
  const parent = emulator?.path.slice(0, emulator.path.lastIndexOf('/'));
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
      const touched = result.changed || (parent !== undefined && held.has(parent));
      yield* release(
        [...held.keys()].filter((path) => !touched || differs(held.get(path)!, filter.below.get(path))),
      );
      if (held.size > 0) result.changed = true;
      yield* record.trailer;
      return;
    }
    const path = plainPath(record.name);
    if (added !== undefined && path.split('/').includes(added)) {
      result.changed = true;
    } else if (emulator && isEmulator(path, record, emulator)) {
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

function isEmulator(path: string, record: TarRecord, { path: emulator, size }: EmulatorPlace): boolean {
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
