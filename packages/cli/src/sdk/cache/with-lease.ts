import { type Claim, keepWithin, openLease } from '@mabuild/core';
import type { CallOptions } from '@mabuild/oci';
import { environmentOf } from '../environment.ts';
import type { SdkOptions, Toolbox } from '../toolbox.ts';
import { cacheLimit, cachePlace } from './place.ts';

/** Lends what says which parts of the cache are in use; they stay until `use` has ended. */
export async function withLease<T>(
  options: Pick<SdkOptions, 'environment'>,
  use: (claim: Claim) => Promise<T>,
): Promise<T> {
  const lease = await openLease(environmentOf(options.environment).cacheDirectory);
  try {
    return await use(lease.claim);
  } finally {
    await lease.release();
  }
}

/** Deletes what was used least recently when the cache is larger than it may be; a build does not fail for it. */
export async function keepCacheSmall(toolbox: Toolbox, options: CallOptions): Promise<void> {
  const limit = cacheLimit(toolbox);
  if (limit === undefined) return;
  await keepWithin(cachePlace(toolbox), limit, options).catch(() => options.signal?.throwIfAborted());
}
