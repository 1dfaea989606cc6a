import { type CacheItem, type CacheKind, cacheItems, cacheKinds, oldestLease } from '@mabuild/core';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { cacheLimit, cachePlace } from './place.ts';

/** What the cache holds. */
export interface CacheUsage {
  /** Its folder. */
  readonly directory: string;
  /** Bytes that builds keep it below; `null` when there is no limit. */
  readonly limit: number | null;
  /** Bytes on the disk. */
  readonly size: number;
  /** Bytes that no build uses that runs now. */
  readonly reclaimable: number;
  readonly kinds: readonly CacheKindUsage[];
  /** The larger things, the last used first: of the others there are many and small ones. */
  readonly entries: readonly CacheEntry[];
}

/** How much of one kind a cache holds. */
export interface CacheKindUsage {
  readonly kind: CacheKind;
  readonly items: number;
  /** Bytes on the disk. */
  readonly size: number;
  /** ISO 8601; `null` when there is nothing. */
  readonly lastUsed: string | null;
}

/** One of the larger things in a cache. */
export interface CacheEntry {
  readonly kind: CacheKind;
  /** Below the cache's folder. */
  readonly id: string;
  /** Of a `RUN --mount=type=cache`: its id. */
  readonly name?: string;
  readonly size: number;
  /** ISO 8601. */
  readonly lastUsed: string;
  /** Used by a build that runs now. */
  readonly inUse: boolean;
}

const listed: ReadonlySet<CacheKind> = new Set(['layer', 'unpacked', 'cache-mount', 'program']);

/** Says what the cache of builds holds, how large it is, and when it was used last. */
export async function cacheUsage(options: SdkOptions = {}): Promise<CacheUsage> {
  return await withToolbox(options, async (toolbox) => {
    const place = cachePlace(toolbox);
    const since = await oldestLease(place.directory);
    const items = await cacheItems(place, { signal: options.signal });
    const isUsed = ({ lastUsed }: CacheItem): boolean => since !== undefined && lastUsed >= since;
    return {
      directory: place.directory,
      limit: cacheLimit(toolbox) ?? null,
      size: sizeOf(items),
      reclaimable: sizeOf(items.filter((item) => !isUsed(item))),
      kinds: usageByKind(items),
      entries: items
        .filter(({ kind }) => listed.has(kind))
        .sort((a, b) => b.lastUsed - a.lastUsed)
        .map((item) => ({
          ...{ kind: item.kind, id: item.id, size: item.size },
          ...(item.name === undefined ? {} : { name: item.name }),
          ...{ lastUsed: new Date(item.lastUsed).toISOString(), inUse: isUsed(item) },
        })),
    };
  });
}

/** How much of each kind there is. */
export function usageByKind(items: readonly CacheItem[]): readonly CacheKindUsage[] {
  return cacheKinds.map((kind) => {
    const some = items.filter((item) => item.kind === kind);
    const newest = some.reduce((time, { lastUsed }) => Math.max(time, lastUsed), 0);
    return {
      ...{ kind, items: some.length, size: sizeOf(some) },
      lastUsed: some.length === 0 ? null : new Date(newest).toISOString(),
    };
  });
}

/** What things take on the disk together, bytes. */
export function sizeOf(items: readonly CacheItem[]): number {
  return items.reduce((sum, { size }) => sum + size, 0);
}
