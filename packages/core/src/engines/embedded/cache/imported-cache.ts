import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import {
  type BlobStore,
  type CallOptions,
  type Descriptor,
  decompressed,
  type ImageSource,
  isIndexType,
  isMabuildError,
  type LayerFacts,
  MabuildError,
  mediaTypes,
  parseImageIndex,
  parseImageManifest,
  placeStream,
  readDocument,
  scanLayer,
  verifyingStream,
} from '@mabuild/oci';
import {
  type CachedLayer,
  type CacheRecord,
  cacheInvalid,
  cacheTypes,
  parseCacheDocument,
} from './cache-document.ts';

/** A cache that is kept elsewhere. */
export interface CacheSource {
  /** As the user wrote it. */
  readonly name: string;
  open(options: CallOptions): Promise<ImageSource>;
}

/** What was found in caches that are kept elsewhere; nothing of it is on this machine until it is needed. */
export interface ImportedCache {
  /** What a step made; `undefined` when none of the caches knows it. */
  find(kind: CacheRecord['kind'], key: string): CacheRecord | undefined;
  hasOutline(outline: string): boolean;
  /** All that is said to have made a layer. */
  recordsOf(layer: CachedLayer): readonly CacheRecord[];
  /** Gets a layer into the store, once. @throws MabuildError `CACHE_INVALID` when it is not what the cache says */
  fetch(layer: CachedLayer, options?: CallOptions): Promise<LayerFacts>;
  /** Opens a layer's blob where the cache is kept. @throws MabuildError `BLOB_NOT_FOUND` */
  read(descriptor: Descriptor, options?: CallOptions): Promise<Readable>;
  /** Whether something of it was used. */
  readonly used: boolean;
  /** Forgets everything: a part of it turned out to be wrong. */
  forget(): void;
}

const mostEntries = 64;

/** Nobody has written it, as before the first build. */
function isAbsent(error: unknown): boolean {
  if (!isMabuildError(error)) return false;
  const { code, cause } = error;
  if (code === 'LAYOUT_INVALID') return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  return code === 'IMAGE_NOT_FOUND' || code === 'REPOSITORY_NOT_FOUND';
}

/**
 * Reads caches that are kept elsewhere. One that cannot be read is told of and left out.
 * @throws the abort reason
 */
export async function importCaches(
  sources: readonly CacheSource[],
  store: BlobStore,
  options: CallOptions & { readonly onProblem: (text: string) => void },
): Promise<ImportedCache> {
  const records = new Map<string, CacheRecord>();
  const outlines = new Set<string>();
  const places = new Map<string, ImageSource[]>();
  for (const { name, open } of sources) {
    try {
      const source = await open(options);
      for (const record of await recordsIn(source, options)) {
        const key = `${record.kind} ${record.key}`;
        // The first that is named counts.
        if (!records.has(key)) records.set(key, record);
        if (record.outline !== undefined) outlines.add(record.outline);
        if (record.layer)
          places.set(record.layer.digest, [...new Set([...(places.get(record.layer.digest) ?? []), source])]);
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      options.onProblem(
        isAbsent(error)
          ? `there is no cache at ${name} yet`
          : `nothing is taken from the cache ${name}: ${(error as Error).message}`,
      );
    }
  }
  const read = async (descriptor: Descriptor, call: CallOptions = {}): Promise<Readable> => {
    let missing: unknown = new MabuildError(`no build cache has the layer ${descriptor.digest}`, {
      code: 'BLOB_NOT_FOUND',
      hint: 'build again',
    });
    for (const place of places.get(descriptor.digest) ?? []) {
      try {
        return await place.read(descriptor, call);
      } catch (error) {
        call.signal?.throwIfAborted();
        missing = error;
      }
    }
    throw missing;
  };
  const fetched = new Map<string, Promise<LayerFacts>>();
  let used = false;
  return {
    get used() {
      return used;
    },
    find(kind, key) {
      const record = records.get(`${kind} ${key}`);
      used ||= record !== undefined;
      return record;
    },
    hasOutline: (outline) => outlines.has(outline),
    recordsOf: ({ digest, diffId }) =>
      [...records.values()].filter(
        ({ layer }) => layer && layer.digest === digest && layer.diffId === diffId,
      ),
    read,
    fetch(layer, call = {}) {
      const key = `${layer.digest} ${layer.diffId}`;
      const known = fetched.get(key) ?? fetchLayer(layer, store, read, call);
      known.catch(() => fetched.delete(key));
      fetched.set(key, known);
      return known;
    },
    forget() {
      used = false;
      records.clear();
      outlines.clear();
    },
  };
}

/** Every record of every platform: what one made without looking at its platform serves the others. */
async function recordsIn(source: ImageSource, options: CallOptions): Promise<readonly CacheRecord[]> {
  const { root } = source;
  if (!isIndexType(root.mediaType)) throw cacheInvalid(`it is ${root.mediaType}, no cache of mabuild`);
  const index = parseImageIndex(await readDocument(source, root, options));
  if (index.artifactType !== cacheTypes.artifact)
    throw cacheInvalid('it holds something else than a cache of mabuild');
  if (index.manifests.length > mostEntries) throw cacheInvalid(`it has ${index.manifests.length} entries`);
  const found: CacheRecord[] = [];
  for (const entry of index.manifests) {
    if (entry.mediaType !== mediaTypes.ociManifest) throw cacheInvalid(`it holds ${entry.mediaType}`);
    const { config, layers } = parseImageManifest(await readDocument(source, entry, options));
    if (config.mediaType !== cacheTypes.config) throw cacheInvalid(`it holds ${config.mediaType}`);
    for (const { mediaType } of layers)
      if (mediaType !== mediaTypes.ociLayerGzip) throw cacheInvalid(`it holds ${mediaType}`);
    const blobs = new Map(layers.map(({ digest, size }) => [digest, size]));
    found.push(...parseCacheDocument(await readDocument(source, config, options), blobs));
  }
  return found;
}

/** Gets a layer, and looks whether it is what the cache says: its blob, and its files' tar. */
async function fetchLayer(
  { digest, size, diffId }: CachedLayer,
  store: BlobStore,
  read: ImportedCache['read'],
  options: CallOptions,
): Promise<LayerFacts> {
  const { signal } = options;
  const descriptor: Descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size };
  try {
    if (!(await store.has(descriptor))) {
      const file = store.fileOf(digest);
      await mkdir(dirname(file), { recursive: true });
      const open = (): Promise<Readable> => read(descriptor, options);
      await placeStream(file, open, { through: [verifyingStream(descriptor)], signal });
    }
    const hash = createHash('sha256');
    const tar = await decompressed(await store.read(descriptor, options), options);
    const hashed = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of tar as AsyncIterable<Uint8Array>) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const body = Readable.from(hashed(), { objectMode: false });
    const facts = await scanLayer(body, options);
    const found = `sha256:${hash.digest('hex')}`;
    if (found !== diffId) throw cacheInvalid(`layer ${digest} holds ${found}, its record says ${diffId}`);
    if (facts.unreadable !== undefined) throw cacheInvalid(`layer ${digest}: ${facts.unreadable}`);
    return facts;
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { code?: unknown }).code === 'CACHE_INVALID') throw error;
    throw cacheInvalid(`layer ${digest} cannot be had: ${(error as Error).message}`, error);
  }
}
