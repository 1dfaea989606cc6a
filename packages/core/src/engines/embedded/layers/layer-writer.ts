import { createHash } from 'node:crypto';
import {
  type BlobStore,
  type CallOptions,
  type Descriptor,
  type GrowingBlob,
  isLayerFacts,
  type LayerFacts,
  mediaTypes,
} from '@mabuild/oci';
import { createLimit } from '../../../limit.ts';
import type { Memory } from '../../../memory.ts';
import type { CachedLayer, CacheRecord } from '../cache/cache-document.ts';
import type { ImportedCache } from '../cache/imported-cache.ts';
import { contentDigest, hasChanged } from './content-digest.ts';
import type { LayerEntry } from './entry.ts';
import type { StoredLayer } from './layer-scanner.ts';
import { scannedEntries } from './scanned-entry.ts';
import { gzipLevel, type StoredTar, storeLayer } from './store-layer.ts';
import { layerChunks } from './write-layer.ts';

export interface LayerWriterOptions {
  readonly store: BlobStore;
  readonly memory: Memory;
  /** Caches that are kept elsewhere. @default none */
  readonly imported?: ImportedCache | undefined;
}

/** Told what a step made, whether it was made now or before. */
export type OnCacheRecord = (record: CacheRecord) => void;

export interface WriteOptions extends CallOptions {
  /** Seconds since the epoch: later times become this one. */
  readonly epoch?: number | undefined;
  /** Write it again, whatever is remembered. @default false */
  readonly noCache?: boolean | undefined;
  /** Told before it is written: it was not there. */
  readonly onMissing?: (() => void) | undefined;
  /** Told of a large layer while it is written, unless the same bytes were probably written before. */
  readonly onGrowing?: ((blob: GrowingBlob) => void) | undefined;
  readonly onRecord?: OnCacheRecord | undefined;
}

export interface WrittenLayer extends StoredLayer {
  /** It was there already. */
  readonly cached: boolean;
  /** How it is found by the files in it. */
  readonly written?: LayerKey | undefined;
  /** A file changed between being looked at and being written: the layer is not what a key of before says. */
  readonly changed?: boolean | undefined;
}

/** Digests of what a layer holds, hex. */
export interface LayerKey {
  readonly key: string;
  /** Of all but the contents of files. */
  readonly outline: string;
}

/**
 * Writes layers into the store; the same files make the same layer, for whatever platform and from whatever step. One lives
 * as long as a build: what it has written it does not write again, whatever is remembered of earlier builds.
 */
export interface LayerWriter {
  /** @param entries in the order in which they are to be written. @throws MabuildError `CONTEXT_CHANGED` */
  write(entries: readonly LayerEntry[], options?: WriteOptions): Promise<WrittenLayer>;
  /** A layer that was written before, when its blob is still there. */
  restore(layer: RememberedLayer): Promise<WrittenLayer | undefined>;
  /** What a step made according to caches that are kept elsewhere: `null` when it changed nothing. */
  imported(kind: CacheRecord['kind'], key: string): WrittenLayer | null | undefined;
}

const format = 3;
const hashedAtOnce = 16;
/** Bytes of files from which on a layer has to wait for others like it: what is written first can be sent meanwhile. */
const largeLayer = 16_000_000;

/** What is remembered of a layer. */
export interface RememberedLayer extends Pick<StoredTar, 'diffId' | 'digest' | 'size'> {
  readonly facts?: LayerFacts | undefined;
  readonly created?: string | undefined;
}

export function createLayerWriter({ store, memory, imported }: LayerWriterOptions): LayerWriter {
  const works = new Set<Work>();
  const writingLarge = createLimit(1);
  const writingSmall = createLimit(2);
  const layerOf = (
    { digest, size, diffId, facts, created }: RememberedLayer,
    cached: boolean,
  ): WrittenLayer => {
    const descriptor: Descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size };
    return {
      descriptor,
      diffId,
      ...(facts && { facts }),
      ...(created && { created }),
      cached,
      read: () => store.read(descriptor),
    };
  };
  const restore = async ({ facts, ...known }: RememberedLayer): Promise<WrittenLayer | undefined> => {
    // Facts of an earlier version say less than is asked now.
    const layer = layerOf(isLayerFacts(facts) ? { ...known, facts } : known, true);
    return (await store.has(layer.descriptor)) ? layer : undefined;
  };
  const fromElsewhere: LayerWriter['imported'] = (kind, key) => {
    const record = imported?.find(kind, key);
    if (!imported || record === undefined) return undefined;
    const { layer } = record;
    if (layer === null) return null;
    const byFiles = imported.recordsOf(layer).find((same) => same.kind === 'step-layer');
    const written = byFiles?.outline ? { key: byFiles.key, outline: byFiles.outline } : undefined;
    const fetch = async (options?: CallOptions): Promise<LayerFacts> => {
      const facts = await imported.fetch(layer, options);
      // From now on it is found without that cache, too.
      for (const same of imported.recordsOf(layer)) {
        const known: RememberedLayer = { ...layer, ...same.layer, facts };
        await memory.set(same.kind, same.key, same.kind === 'step-layer' ? known : { layer: known, written });
        if (same.outline !== undefined) await memory.set('step-outline', same.outline, true);
      }
      return facts;
    };
    const found = layerOf(layer, true);
    return {
      ...found,
      ...{ written, fetch },
      read: async (options) => {
        await fetch(options);
        return await found.read(options);
      },
    };
  };
  const remembered = async (key: string): Promise<WrittenLayer | undefined> => {
    const known = (await memory.get('step-layer', key)) as RememberedLayer | undefined;
    return (known && (await restore(known))) ?? fromElsewhere('step-layer', key) ?? undefined;
  };
  const make = async (
    outline: string,
    entries: readonly LayerEntry[],
    options: WriteOptions,
  ): Promise<MadeLayer> => {
    // Contents of a layer of this outline are read twice only when one was seen before, and may be there.
    const isKnown = imported?.hasOutline(outline) || (await memory.get('step-outline', outline)) === true;
    if (!options.noCache && isKnown) {
      const key = keyOf(outline, await digestsOf(entries, options));
      const known = await remembered(key);
      if (known) return { key, layer: known };
    }
    options.onMissing?.();
    const contents = new Map<LayerEntry, { readonly at: number; readonly digest: string }>();
    const tar = layerChunks(entries, (entry, digest, at) => contents.set(entry, { digest, at }));
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    const writing = bytes < largeLayer ? writingSmall : writingLarge;
    // Where times do not matter, or are made the same, others may have sent it before.
    const isNews = bytes >= largeLayer && !options.noCache && options.epoch === undefined;
    const onGrowing = isNews ? options.onGrowing : undefined;
    const stored = await writing(() => storeLayer(store, tar, { signal: options.signal, onGrowing }));
    // A later build that finds it makes the same image of it.
    const created = new Date(options.epoch === undefined ? Date.now() : options.epoch * 1000).toISOString();
    const layer: RememberedLayer = { ...stored, created };
    // The key is made of what was read just now, whatever became of a file before.
    const digests = entries.map((entry) => contents.get(entry)?.digest ?? entry.digest);
    const key = keyOf(outline, digests);
    await memory.set('step-layer', key, layer);
    await memory.set('step-outline', outline, true);
    let changed = false;
    for (const [index, entry] of entries.entries())
      changed = (await hasChanged(entry, digests[index])) || changed;
    return { key, layer: { ...layerOf(layer, false), changed, holds: scannedEntries(entries, contents) } };
  };
  return {
    restore,
    imported: fromElsewhere,
    async write(entries, options = {}) {
      const clamped = entries.map((entry) => clamp(entry, options));
      const outline = outlineOf(clamped, options);
      // Another platform may be writing the very same files, or have written them in this build.
      const same = [...works].find((work) => work.outline === outline && sameFiles(work.entries, clamped));
      const work: Work = same ?? { outline, entries: clamped, made: make(outline, clamped, options) };
      works.add(work);
      try {
        const { key, layer } = await work.made;
        if (layer.changed) works.delete(work);
        options.onRecord?.({ kind: 'step-layer', key, outline, layer: cachedLayer(layer) });
        return { ...layer, written: { key, outline } };
      } catch (error) {
        works.delete(work);
        throw error;
      }
    },
  };
}

/** A layer that is being written, or was. */
interface Work {
  readonly outline: string;
  readonly entries: readonly LayerEntry[];
  readonly made: Promise<MadeLayer>;
}

interface MadeLayer {
  readonly key: string;
  readonly layer: WrittenLayer;
}

/** A layer as caches have it that are kept elsewhere. */
export function cachedLayer({ descriptor, diffId, created }: StoredLayer): CachedLayer {
  return { digest: descriptor.digest, size: descriptor.size, diffId, created };
}

/** Tells whether contents come from the same place. */
function sameFiles(some: readonly LayerEntry[], others: readonly LayerEntry[]): boolean {
  return some.every(({ open, digest }, index) => {
    const other = others[index];
    return digest === undefined ? open === other?.open : digest === other?.digest;
  });
}

function clamp(entry: LayerEntry, { epoch }: WriteOptions): LayerEntry {
  return epoch !== undefined && entry.mtime > epoch ? { ...entry, mtime: epoch } : { ...entry };
}

/** Everything that a layer is made of but the contents of files; times only where they must come out the same again. */
function outlineOf(entries: readonly LayerEntry[], { epoch }: WriteOptions): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([format, gzipLevel, epoch ?? null]));
  for (const entry of entries) {
    const { path, type, mode, uid, gid, size, linkname, major, minor, xattrs } = entry;
    const time = epoch === undefined ? null : entry.mtime;
    hash.update(JSON.stringify([path, type, mode, uid, gid, time, size, linkname, major, minor, xattrs]));
  }
  return hash.digest('hex');
}

function keyOf(outline: string, digests: readonly (string | undefined)[]): string {
  return createHash('sha256')
    .update(JSON.stringify([outline, digests.map((digest) => digest ?? null)]))
    .digest('hex');
}

async function digestsOf(
  entries: readonly LayerEntry[],
  { signal }: CallOptions,
): Promise<readonly (string | undefined)[]> {
  const limit = createLimit(hashedAtOnce);
  return await Promise.all(
    entries.map((entry) =>
      entry.type !== 'file' || entry.digest !== undefined
        ? entry.digest
        : entry.read
          ? contentDigest(entry)
          : limit(async () => {
              signal?.throwIfAborted();
              return await contentDigest(entry);
            }),
    ),
  );
}
