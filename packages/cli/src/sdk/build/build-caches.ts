import {
  type BuildCache,
  type BuildEvent,
  type BuiltImage,
  type CacheMode,
  type Claim,
  openBuildCache,
} from '@mabuild/core';
import { BlobStore, type CallOptions, isMabuildError } from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import {
  type CacheFrom,
  formatCachePlace,
  type KeptCache,
  parseCacheFrom,
  parseCacheTo,
  wholeCacheFlag,
} from '../cache/cache-spec.ts';
import { cacheSource, writeCache } from '../cache/exchange.ts';
import type { Toolbox } from '../toolbox.ts';
import type { BuildRequest } from './build-request.ts';

/** Caches of a build that are kept elsewhere. */
export interface Caches {
  readonly from: readonly CacheFrom[];
  readonly to: readonly KeptCache[];
  /** Kept in the image itself. */
  readonly inline: boolean;
}

interface Told extends CallOptions {
  readonly onEvent?: ((event: BuildEvent) => void) | undefined;
}

/** Errors that a step gives whatever its layers hold: building again gives them again. */
const ofTheBuild: ReadonlySet<string> = new Set(['BUILD_FAILED', 'USAGE', 'NOT_SUPPORTED_BY_EMBEDDED']);

/** Reads the caches of a request. @throws MabuildError `USAGE` */
export function cachesOf({ cacheFrom = [], cacheTo = [] }: BuildRequest): Caches {
  const to = cacheTo.map((place) => (typeof place === 'string' ? parseCacheTo(place) : place));
  return {
    from: cacheFrom.map((place) => (typeof place === 'string' ? parseCacheFrom(place) : place)),
    to: to.filter((place) => place.type !== 'inline'),
    inline: to.some((place) => place.type === 'inline'),
  };
}

/** What opens the caches of a request; `undefined` when it has none. */
export function cacheOpener(
  caches: Caches | undefined,
  { environment, blobDirectory }: Toolbox,
  { claim, signal, onEvent }: Told & { readonly claim?: Claim | undefined },
): ((registry: RegistryClient) => Promise<BuildCache>) | undefined {
  if (!caches || (caches.from.length === 0 && caches.to.length === 0)) return undefined;
  return async (registry) => {
    const { workingDirectory } = environment;
    const sources = caches.from.map((place) => cacheSource(place, { registry, workingDirectory }));
    const store = new BlobStore(blobDirectory, { claim });
    const onProblem = (message: string): void =>
      onEvent?.({ type: 'warning', code: 'CACHE_INVALID', message });
    return await openBuildCache(sources, store, { signal, onProblem });
  };
}

/** Builds again with nothing from elsewhere when that was not what it said. */
export async function withoutBadCaches<T>(
  cache: BuildCache | undefined,
  { signal, onEvent }: Told,
  build: () => Promise<T>,
): Promise<T> {
  try {
    return await build();
  } catch (error) {
    signal?.throwIfAborted();
    if (!cache?.imported.used || !isMabuildError(error) || ofTheBuild.has(error.code)) throw error;
    cache.forget();
    const message = `building again without --cache-from: ${error.message}`;
    onEvent?.({ type: 'warning', code: 'CACHE_INVALID', message });
    return await build();
  }
}

/**
 * Writes the caches of what was built, each platform's beside the others'.
 * @throws MabuildError `CACHE_REFUSED`, `REGISTRY_…`, unless the cache is to be written with `ignore-error`
 */
export async function writeCaches(
  caches: Caches | undefined,
  images: readonly BuiltImage[],
  site: {
    readonly cache: BuildCache | undefined;
    readonly registry: RegistryClient;
    readonly toolbox: Toolbox;
  },
  { signal, onEvent }: Told,
): Promise<void> {
  const { cache, registry, toolbox } = site;
  if (!cache) return;
  const { workingDirectory } = toolbox.environment;
  const made = (mode: CacheMode) =>
    Promise.all(images.map(({ task, config }) => cache.image(task.platform, mode, config.rootfs.diff_ids)));
  let told = false;
  for (const place of caches?.to ?? []) {
    try {
      const written = await made(place.mode ?? 'min');
      await writeCache(place, written, { registry, workingDirectory, signal });
      const leftOut = new Set(written.flatMap((image) => image.leftOut)).size;
      // Who writes mode=min knows; the others hear of it once.
      if (place.mode !== undefined || leftOut === 0 || told) continue;
      told = true;
      onEvent?.({ type: 'warning', code: 'CACHE_MODE', message: leftOutMessage(place, leftOut) });
    } catch (error) {
      signal?.throwIfAborted();
      if (!place.ignoreError) throw error;
      const message = `the cache was not written to ${formatCachePlace(place)}: ${(error as Error).message}`;
      onEvent?.({ type: 'warning', code: 'CACHE_INVALID', message });
    }
  }
}

function leftOutMessage(place: KeptCache, layers: number): string {
  const what = layers === 1 ? 'a layer' : `${layers} layers`;
  return `the cache at ${formatCachePlace(place)} keeps the layers of the image only: ${what} of other stages will be made again where nothing else is; ${wholeCacheFlag(place)} keeps all`;
}
