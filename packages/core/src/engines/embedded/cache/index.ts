export { type BuildCache, openBuildCache } from './build-cache.ts';
export { cacheTypes } from './cache-document.ts';
export type { CacheImage, CacheMode } from './export-cache.ts';
export type { CacheSource } from './imported-cache.ts';
export { type CacheItem, type CacheKind, type CachePlace, cacheItems, cacheKinds } from './items.ts';
export { type Claim, type Lease, oldestLease, openLease } from './leases.ts';
export { keepWithin, type Pruned, type PruneOptions, pruneItems } from './prune.ts';
