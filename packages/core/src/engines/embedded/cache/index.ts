export { type CacheItem, type CacheKind, type CachePlace, cacheItems, cacheKinds } from './items.ts';
export { type Claim, type Lease, oldestLease, openLease } from './leases.ts';
export { keepWithin, type Pruned, type PruneOptions, pruneItems } from './prune.ts';
