import { type CacheKind, cacheKinds, pruneItems } from '@mabuild/core';
import { sweepLeftovers } from '../leftovers.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { type CacheKindUsage, sizeOf, usageByKind } from './cache-usage.ts';
import { cachePlace } from './place.ts';

/** What to delete of the cache. */
export interface PruneCacheRequest {
  /** Also what builds did not make: fetched emulators, and what was found out about images and engines. @default false */
  readonly all?: boolean | undefined;
  /** Only what was used last before this. */
  readonly before?: Date | undefined;
  /** Only these kinds. @default all that builds make */
  readonly kinds?: readonly CacheKind[] | undefined;
  /** Bytes of the cache that stay, the last used first. @default 0 */
  readonly keepStorage?: number | undefined;
}

/** What was deleted, and what is left. */
export interface PruneCacheResult {
  readonly removed: readonly CacheKindUsage[];
  /** Bytes. */
  readonly reclaimed: number;
  /** Bytes that the cache takes now. */
  readonly size: number;
  /** How many things stayed since a build uses them that runs. */
  readonly inUse: number;
  /** What could not be deleted, in words. */
  readonly problems: readonly string[];
}

const notOfBuilds: ReadonlySet<CacheKind> = new Set(['program', 'record']);

/** Deletes from the cache of builds, and what killed ones left; never what a build uses that runs, in whatever process. */
export async function pruneCache(
  request: PruneCacheRequest = {},
  options: SdkOptions = {},
): Promise<PruneCacheResult> {
  const { all = false, before, keepStorage } = request;
  const kinds = request.kinds ?? cacheKinds.filter((kind) => all || !notOfBuilds.has(kind));
  return await withToolbox(options, async (toolbox) => {
    const { environment, sandboxHelper: helper } = toolbox;
    await sweepLeftovers(environment, { helper, signal: options.signal });
    const { removed, left, inUse, problems } = await pruneItems(cachePlace(toolbox), {
      ...{ kinds, before: before?.getTime(), keep: keepStorage, signal: options.signal },
    });
    return {
      removed: usageByKind(removed).filter(({ items }) => items > 0),
      reclaimed: sizeOf(removed),
      ...{ size: left, inUse, problems },
    };
  });
}
