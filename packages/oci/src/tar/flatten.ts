import { Readable } from 'node:stream';
import type { Descriptor } from '../descriptor.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import { parseImageManifest } from '../parse-manifest.ts';
import { readDocument } from '../read-document.ts';
import { decompressed } from './decompress.ts';
import { renamedHeader } from './renamed-header.ts';
import { safeEntryPath } from './tar-path.ts';
import { readTarRecords, type TarRecord } from './tar-records.ts';

/**
 * Gives an image's files as one tar: layers applied, whiteouts gone (OCI image-spec, "Image Layer Filesystem Changeset").
 *
 * Layers are read from the top and only names are held in memory; a folder may come after what lies in it. A layer is
 * read a second time only when a hard link's other name was replaced by a layer above.
 * @throws what `source.read` throws; the stream fails with `INVALID_TAR`, `UNSAFE_PATH`, `UNSUPPORTED_COMPRESSION`
 */
export async function flattenImage(
  source: ImageSource,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<Readable> {
  const { layers } = parseImageManifest(await readDocument(source, descriptor, options));
  return Readable.from(flattened(source, [...layers].reverse(), options), { objectMode: false });
}

/** What the layers read so far hide in the layers below. */
interface Hidden {
  /** Paths that are there already. */
  readonly paths: Set<string>;
  /** Paths below which nothing of a lower layer shows: deleted, replaced by a file, or an opaque folder's. */
  readonly trees: Set<string>;
  /** Folders above what is there, listed or not: nothing but a folder of a lower layer shows in their place. */
  readonly folders: Set<string>;
}

async function* flattened(
  source: ImageSource,
  layers: readonly Descriptor[],
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  const hidden: Hidden = { paths: new Set(), trees: new Set(), folders: new Set() };
  for (const layer of layers) {
    const own: Hidden = { paths: new Set(), trees: new Set(), folders: new Set() };
    // Other names of files that a layer above replaced, by the name that the layer gave the content.
    const orphans = new Map<string, string[]>();
    for await (const record of recordsOf(source, layer, options)) {
      const path = safeEntryPath(record.name.replace(/^\/+/, ''));
      if (path === '' || note(path, record, own) || isHidden(path, record.type, hidden)) continue;
      const target = record.type === '1' ? safeEntryPath(record.linkname.replace(/^\/+/, '')) : undefined;
      if (target !== undefined && isHidden(target, '0', hidden)) {
        orphans.set(target, [...(orphans.get(target) ?? []), path]);
        continue;
      }
      const absolute =
        record.name.startsWith('/') || (target !== undefined && record.linkname.startsWith('/'));
      yield absolute ? renamedHeader(record, path, target) : record.header;
      yield* record.body();
    }
    if (orphans.size > 0) yield* adopted(source, layer, orphans, options);
    for (const path of own.paths) hidden.paths.add(path);
    for (const path of own.trees) hidden.trees.add(path);
    for (const path of own.folders) hidden.folders.add(path);
  }
  yield Buffer.alloc(1024);
}

/** Notes what a member hides below its layer; `true` for a whiteout, which is no file itself. */
function note(path: string, record: TarRecord, own: Hidden): boolean {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, Math.max(slash, 0));
  const name = path.slice(slash + 1);
  for (let above = folder; above !== '' && !own.folders.has(above); ) {
    own.folders.add(above);
    above = above.slice(0, Math.max(above.lastIndexOf('/'), 0));
  }
  if (name === '.wh..wh..opq') {
    own.trees.add(folder);
    return true;
  }
  if (name.startsWith('.wh.')) {
    const deleted = folder === '' ? name.slice(4) : `${folder}/${name.slice(4)}`;
    own.paths.add(deleted);
    own.trees.add(deleted);
    return true;
  }
  own.paths.add(path);
  if (record.type !== '5') own.trees.add(path);
  return false;
}

function isHidden(path: string, type: string, { paths, trees, folders }: Hidden): boolean {
  if (paths.has(path) || trees.has('') || (type !== '5' && folders.has(path))) return true;
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    if (trees.has(path.slice(0, slash))) return true;
  }
  return false;
}

/** Gives the content of replaced files to their first other name, and links the others to it. */
async function* adopted(
  source: ImageSource,
  layer: Descriptor,
  orphans: ReadonlyMap<string, readonly string[]>,
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  for await (const record of recordsOf(source, layer, options)) {
    const [first, ...others] = orphans.get(safeEntryPath(record.name.replace(/^\/+/, ''))) ?? [];
    if (first === undefined || record.type === '1') continue;
    yield renamedHeader(record, first);
    yield* record.body();
    for (const other of others) yield renamedHeader(record, other, first);
  }
}

async function* recordsOf(
  source: ImageSource,
  layer: Descriptor,
  options: CallOptions,
): AsyncGenerator<TarRecord> {
  const body = await decompressed(await source.read(layer, options), options);
  for await (const record of readTarRecords(body)) {
    if (!('trailer' in record)) {
      yield record;
      continue;
    }
    // Read to the end: only then is the layer's digest known to be right.
    for await (const _ of record.trailer);
  }
}
