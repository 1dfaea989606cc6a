import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type CacheImage, type CacheSource, cacheTypes } from '@mabuild/core';
import {
  addToIndex,
  type CallOptions,
  copyImage,
  describeIndex,
  type ImageIndex,
  type ImageSink,
  type ImageSource,
  isIndexType,
  isMabuildError,
  MabuildError,
  mediaTypes,
  openLayout,
  parseImageIndex,
  readDocument,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { openLayoutFolder } from '../images/location-sink.ts';
import { parseImageName } from '../images/references.ts';
import { type CachePlaceSpec, formatCachePlace } from './cache-spec.ts';

/** What caches that are kept elsewhere are reached with. */
export interface CacheWorld extends CallOptions {
  readonly registry: RegistryClient;
  /** Relative folders lie below it. */
  readonly workingDirectory: string;
}

/** How often another writer of the same cache is given way to. */
const mostAttempts = 5;

/** A cache that is kept elsewhere, to be read. */
export function cacheSource(place: CachePlaceSpec, world: CacheWorld): CacheSource {
  return { name: formatCachePlace(place), open: (options) => open(place, world, options, false) };
}

/**
 * Writes the caches of platforms into one index; what it holds for other platforms stays.
 * @throws MabuildError `CACHE_REFUSED` where something else than a cache lies, `REGISTRY_…`
 */
export async function writeCache(
  place: CachePlaceSpec,
  images: readonly CacheImage[],
  world: CacheWorld,
): Promise<void> {
  const { signal } = world;
  const sink = await sinkOf(place, world);
  const tag = place.type === 'local' ? place.tag : (parseImageName(place.reference).tag ?? 'latest');
  for (let attempt = 1; ; attempt += 1) {
    const before = await present(place, world);
    const index = describeIndex(
      addToIndex(
        before?.index ?? emptyCache,
        images.map(({ root }) => root),
        { replace: true },
      ),
      'oci',
    );
    try {
      for (const { source } of images) await copyImage(source, sink, { signal });
      await sink.tag(tag, index.descriptor, {
        expected: before === undefined ? 'absent' : before.source.root,
        open: async () => Readable.from([index.bytes], { objectMode: false }),
        signal,
      });
      return;
    } catch (error) {
      // Another platform's build wrote its own meanwhile.
      if (!isMabuildError(error) || error.code !== 'REGISTRY_TAG_MOVED' || attempt === mostAttempts)
        throw error;
    }
  }
}

const emptyCache: ImageIndex = {
  ...{ schemaVersion: 2, mediaType: mediaTypes.ociIndex, artifactType: cacheTypes.artifact },
  manifests: [],
};

async function open(
  place: CachePlaceSpec,
  { registry, workingDirectory }: CacheWorld,
  options: CallOptions,
  pastMirrors: boolean,
): Promise<ImageSource> {
  if (place.type === 'registry')
    return await registry.resolve(parseImageName(place.reference), { ...options, pastMirrors });
  return await openLayout(resolve(workingDirectory, place.path), { ...options, tag: place.tag });
}

async function sinkOf(place: CachePlaceSpec, { registry, workingDirectory }: CacheWorld): Promise<ImageSink> {
  if (place.type === 'registry') return registry.sink(parseImageName(place.reference));
  return await openLayoutFolder(resolve(workingDirectory, place.path), place.path);
}

/** The cache that is there already. */
async function present(
  place: CachePlaceSpec,
  world: CacheWorld,
): Promise<{ readonly source: ImageSource; readonly index: ImageIndex } | undefined> {
  let source: ImageSource;
  try {
    source = await open(place, world, { signal: world.signal }, true);
  } catch (error) {
    if (isMabuildError(error) && absent.has(error.code)) return undefined;
    throw error;
  }
  if (isIndexType(source.root.mediaType)) {
    const index = parseImageIndex(await readDocument(source, source.root, { signal: world.signal }));
    if (index.artifactType === cacheTypes.artifact) return { source, index };
  }
  throw new MabuildError(`writing the cache to ${formatCachePlace(place)}: something else lies there`, {
    code: 'CACHE_REFUSED',
    hint: 'name a tag of its own for the cache, e.g. ghcr.io/me/app:cache',
  });
}

const absent: ReadonlySet<string> = new Set(['IMAGE_NOT_FOUND', 'REPOSITORY_NOT_FOUND', 'LAYOUT_INVALID']);
