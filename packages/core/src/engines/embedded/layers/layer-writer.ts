import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type BlobStore, type CallOptions, type Descriptor, MabuildError, mediaTypes } from '@mabuild/oci';
import { createLimit } from '../../../limit.ts';
import type { Memory } from '../../../memory.ts';
import type { LayerEntry } from './entry.ts';
import type { StoredLayer } from './layer-scanner.ts';
import { writeLayer } from './write-layer.ts';

export interface LayerWriterOptions {
  readonly store: BlobStore;
  readonly memory: Memory;
}

export interface WriteOptions extends CallOptions {
  /** Seconds since the epoch: later times become this one. */
  readonly epoch?: number | undefined;
  /** Write it again, whatever is remembered. @default false */
  readonly noCache?: boolean | undefined;
}

export interface WrittenLayer extends StoredLayer {
  /** It was there already. */
  readonly cached: boolean;
}

/** Writes layers into the store; the same files make the same layer, for whatever platform and from whatever step. */
export interface LayerWriter {
  /** @param entries in the order in which they are to be written. @throws MabuildError `CONTEXT_CHANGED` */
  write(entries: readonly LayerEntry[], options?: WriteOptions): Promise<WrittenLayer>;
}

const format = 1;
const gzipLevel = 4;
const hashedAtOnce = 16;

interface Remembered {
  readonly diffId: string;
  readonly digest: string;
  readonly size: number;
}

export function createLayerWriter({ store, memory }: LayerWriterOptions): LayerWriter {
  const underway = new Map<string, Promise<WrittenLayer>>();
  const layerOf = (descriptor: Descriptor, diffId: string, cached: boolean): WrittenLayer => ({
    descriptor,
    diffId,
    cached,
    read: () => store.read(descriptor),
  });
  const make = async (key: string, entries: readonly LayerEntry[], options: WriteOptions) => {
    const known = options.noCache
      ? undefined
      : ((await memory.get('step-layer', key)) as Remembered | undefined);
    if (known) {
      const descriptor = gzipped(known);
      if (await store.has(descriptor)) return layerOf(descriptor, known.diffId, true);
    }
    const { signal } = options;
    const blob = await store.add(writeLayer(entries), { gzip: gzipLevel, signal });
    await memory.set('step-layer', key, { diffId: blob.diffId, digest: blob.digest, size: blob.size });
    return layerOf(gzipped(blob), blob.diffId, false);
  };
  return {
    async write(entries, options = {}) {
      const clamped = options.epoch === undefined ? entries : entries.map((entry) => clamp(entry, options));
      const digests = await digestsOf(clamped, options);
      const key = keyOf(clamped, digests, options);
      const same = clamped.map((entry, index) => checked(entry, digests[index]));
      const started = underway.get(key) ?? make(key, same, options).finally(() => underway.delete(key));
      underway.set(key, started);
      return await started;
    },
  };
}

function gzipped({ digest, size }: { readonly digest: string; readonly size: number }): Descriptor {
  return { mediaType: mediaTypes.ociLayerGzip, digest, size };
}

function clamp(entry: LayerEntry, { epoch }: WriteOptions): LayerEntry {
  return epoch !== undefined && entry.mtime > epoch ? { ...entry, mtime: epoch } : entry;
}

/** Everything that a layer is made of: contents by their digests, times only where they must come out the same again. */
function keyOf(
  entries: readonly LayerEntry[],
  digests: readonly (string | undefined)[],
  { epoch }: WriteOptions,
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([format, gzipLevel, epoch ?? null]));
  for (const [index, entry] of entries.entries()) {
    const { path, type, mode, uid, gid, linkname, major, minor, xattrs } = entry;
    const time = epoch === undefined ? null : entry.mtime;
    const content = digests[index] ?? null;
    hash.update(JSON.stringify([path, type, mode, uid, gid, time, linkname, major, minor, xattrs, content]));
  }
  return hash.digest('hex');
}

async function digestsOf(
  entries: readonly LayerEntry[],
  { signal }: CallOptions,
): Promise<readonly (string | undefined)[]> {
  const limit = createLimit(hashedAtOnce);
  return await Promise.all(
    entries.map((entry) =>
      entry.type !== 'file'
        ? undefined
        : (entry.digest ??
          limit(async () => {
            signal?.throwIfAborted();
            const hash = createHash('sha256');
            for await (const chunk of contentOf(entry)) hash.update(chunk);
            return `sha256:${hash.digest('hex')}`;
          })),
    ),
  );
}

async function* contentOf({ open, size }: LayerEntry): AsyncGenerator<Uint8Array> {
  if (open && size > 0) yield* (await open()) as AsyncIterable<Uint8Array>;
}

/** A file whose content is still the one that the key was made of when the layer is written. */
function checked(entry: LayerEntry, digest: string | undefined): LayerEntry {
  if (digest === undefined || entry.digest !== undefined) return entry;
  const body = async function* (): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of contentOf(entry)) {
      hash.update(chunk);
      yield chunk;
    }
    if (`sha256:${hash.digest('hex')}` === digest) return;
    throw new MabuildError(`${entry.path} was changed while it was read`, {
      code: 'CONTEXT_CHANGED',
      hint: 'something writes to the context during the build: list that file in .dockerignore, or build again',
    });
  };
  return { ...entry, open: async () => Readable.from(body(), { objectMode: false }) };
}
