import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import {
  type BlobStore,
  type CallOptions,
  type Descriptor,
  decompressed,
  type EmulatorPlace,
  type FolderFacts,
  filterLayer,
  isLayerFacts,
  type LayerFacts,
  mediaTypes,
  scanLayer,
} from '@mabuild/oci';
import { drained } from '../drained.ts';
import type { ExportedLayer } from '../engines/engine.ts';
import type { Memory } from '../memory.ts';

/** A layer that the build added, ready to be published. */
export interface FinishedLayer {
  /** The blob in the store; absent when nothing was left. */
  readonly descriptor?: Descriptor;
  readonly diffId: string;
  readonly facts: LayerFacts;
  /** Folders above the emulator's path that this layer lists, for the layers on top. */
  readonly folders: Readonly<Record<string, FolderFacts>>;
}

export interface FinishLayerOptions extends CallOptions {
  readonly store: BlobStore;
  readonly memory: Memory;
  /** An emulator that was lent to the build and must not be published. */
  readonly emulator?: EmulatorPlace | undefined;
  /** The folder that the build added to its context. */
  readonly addedFolder?: string | undefined;
  /** Folders above the emulator's path as the layers below have them. */
  readonly below: ReadonlyMap<string, FolderFacts>;
}

/** Fast, and within a tenth of the size that the slowest level reaches on system files. */
const gzipLevel = 4;
const format = 4;

/** What an earlier build made of this layer, when its blob is still there. */
export async function rememberedLayer(
  diffId: string,
  options: FinishLayerOptions,
): Promise<FinishedLayer | undefined> {
  const known = (await options.memory.get('layer', keyOf(diffId, options))) as FinishedLayer | undefined;
  if (!known || !isLayerFacts(known.facts)) return undefined;
  if (known.descriptor && !(await options.store.has(known.descriptor))) return undefined;
  return known;
}

/** Layers that are being finished: platforms that share one do the work once. */
const underway = new WeakMap<Memory, Map<string, Promise<FinishedLayer>>>();

/**
 * Filters, compresses and scans one exported layer in a single pass, and remembers the outcome.
 * @throws MabuildError `INVALID_TAR`
 */
export async function finishLayer(layer: ExportedLayer, options: FinishLayerOptions): Promise<FinishedLayer> {
  const key = keyOf(layer.diffId, options);
  const works = underway.get(options.memory) ?? new Map<string, Promise<FinishedLayer>>();
  underway.set(options.memory, works);
  let work = works.get(key);
  if (!work) {
    work = finishOnce(layer, options).finally(() => works.delete(key));
    works.set(key, work);
  }
  return await work;
}

async function finishOnce(layer: ExportedLayer, options: FinishLayerOptions): Promise<FinishedLayer> {
  const remembered = await rememberedLayer(layer.diffId, options);
  if (remembered) return remembered;
  const isFiltered = options.emulator !== undefined || options.addedFolder !== undefined;
  const finished = await (isFiltered ? filteredLayer : plainLayer)(layer, options);
  await options.memory.set('layer', keyOf(layer.diffId, options), finished);
  return finished;
}

async function filteredLayer(layer: ExportedLayer, options: FinishLayerOptions): Promise<FinishedLayer> {
  const { emulator, addedFolder, below } = options;
  const filter = filterLayer(plainBytes(layer), { emulator, folder: addedFolder, below });
  const { descriptor, diffId, facts } = await storeAndScan(filter.body, options);
  const folders = Object.fromEntries(filter.result.folders);
  // A layer that never held anything is the build's own doing and stays.
  if (filter.result.empty && filter.result.changed) return { diffId, facts, folders };
  return { descriptor, diffId, facts, folders };
}

async function plainLayer(layer: ExportedLayer, options: FinishLayerOptions): Promise<FinishedLayer> {
  if (layer.stored && layer.file) {
    // An engine that writes its layers to the same store has put it there.
    const blob = (await options.store.has(layer.stored))
      ? layer.stored
      : await options.store.add(createReadStream(layer.file), { signal: options.signal });
    const facts = layer.facts ?? (await scanLayer(createReadStream(layer.file), { signal: options.signal }));
    return {
      descriptor: { ...layer.stored, digest: blob.digest, size: blob.size },
      diffId: layer.diffId,
      facts,
      folders: {},
    };
  }
  const stored = await storeAndScan(plainBytes(layer), options);
  return { ...stored, folders: {} };
}

async function storeAndScan(
  body: AsyncIterable<Uint8Array>,
  options: FinishLayerOptions,
): Promise<{ descriptor: Descriptor; diffId: string; facts: LayerFacts }> {
  const copy = new PassThrough();
  const scanning = scanLayer(copy, { signal: options.signal });
  scanning.catch(() => {});
  try {
    const blob = await options.store.add(teeInto(body, copy), { gzip: gzipLevel, signal: options.signal });
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: blob.digest, size: blob.size };
    return { descriptor, diffId: blob.diffId, facts: await scanning };
  } finally {
    copy.destroy();
  }
}

async function* teeInto(body: AsyncIterable<Uint8Array>, copy: PassThrough): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    // A scanner that has given up takes no more; the bytes still go to the store.
    if (!copy.destroyed && !copy.write(chunk)) await drained(copy);
    yield chunk;
  }
  copy.end();
}

/** The layer's tar; containerd's store may hold zstd, which not every Node can read. */
async function* plainBytes(layer: ExportedLayer): AsyncGenerator<Uint8Array> {
  const file = createReadStream(layer.file ?? '', { highWaterMark: 256 * 1024 });
  yield* (layer.compression === 'none' ? file : await decompressed(file)) as AsyncIterable<Uint8Array>;
}

function keyOf(diffId: string, { emulator, addedFolder, below }: FinishLayerOptions): string {
  const filter = emulator ? [emulator, [...below].sort(([a], [b]) => (a < b ? -1 : 1))] : [];
  const key = [format, gzipLevel, diffId, filter, addedFolder ?? null];
  return createHash('sha256').update(JSON.stringify(key)).digest('hex');
}
