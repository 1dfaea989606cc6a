import { Readable } from 'node:stream';
import {
  type BlobStore,
  type Descriptor,
  describe,
  digestOf,
  type ImageSource,
  mediaTypes,
  normalizePlatform,
  type Platform,
} from '@mabuild/oci';
import { type CacheRecord, cacheDocument, cacheTypes } from './cache-document.ts';
import type { ImportedCache } from './imported-cache.ts';

/** Of which steps layers are kept: of those in the image, or of all; buildx has these words. */
export type CacheMode = 'min' | 'max';

export interface CacheImageRequest {
  readonly platform: Platform;
  readonly records: readonly CacheRecord[];
  readonly mode: CacheMode;
  /** Of the image. */
  readonly diffIds: readonly string[];
  readonly store: BlobStore;
  readonly imported: ImportedCache;
}

/** The cache of one platform, as a manifest. */
export interface CacheImage {
  /** With its platform. */
  readonly root: Descriptor;
  readonly source: ImageSource;
  /** Digests of files' tars: layers of steps that `min` leaves out. */
  readonly leftOut: readonly string[];
}

/** Makes the manifest of one platform's cache: its config lists the records, its layers are those of the steps. */
export async function cacheImage(request: CacheImageRequest): Promise<CacheImage> {
  const { mode, diffIds, store, imported } = request;
  const inImage = new Set(diffIds);
  const records: CacheRecord[] = [];
  const leftOut = new Set<string>();
  const blobs = new Map<string, Descriptor>();
  for (const record of request.records) {
    const { layer } = record;
    if (layer && mode === 'min' && !inImage.has(layer.diffId)) {
      leftOut.add(layer.diffId);
      continue;
    }
    records.push(record);
    if (layer === null) continue;
    const { digest, size } = layer;
    blobs.set(digest, { mediaType: mediaTypes.ociLayerGzip, digest, size });
  }
  const config = cacheDocument(records);
  const configDescriptor = { mediaType: cacheTypes.config, digest: digestOf(config), size: config.length };
  const layers = [...blobs.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const { descriptor, bytes } = describe(
    {
      ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType: cacheTypes.artifact },
      ...{ config: configDescriptor, layers },
    },
    mediaTypes.ociManifest,
  );
  const root: Descriptor = { ...descriptor, platform: normalizePlatform(request.platform) };
  const documents = new Map([
    [root.digest, bytes],
    [configDescriptor.digest, config],
  ]);
  return {
    root,
    leftOut: [...leftOut],
    source: {
      root,
      async read(wanted, options) {
        const document = documents.get(wanted.digest);
        if (document) return Readable.from([document], { objectMode: false });
        if (await store.has(wanted)) return await store.read(wanted, options);
        // It was never needed here.
        return await imported.read(wanted, options);
      },
    },
  };
}
