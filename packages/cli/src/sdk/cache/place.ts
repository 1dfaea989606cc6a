import type { CachePlace } from '@mabuild/core';
import { machineOf } from '../machine.ts';
import { sandboxOptions } from '../sandbox.ts';
import type { Toolbox } from '../toolbox.ts';
import { parseSize } from './size.ts';

/** Bytes that the cache may take when nobody says otherwise. */
export const defaultCacheLimit: number = 10_000_000_000;

/** The cache of a call, and how what sandboxes keep is looked at. */
export function cachePlace({
  environment,
  sandboxHelper,
}: Pick<Toolbox, 'environment' | 'sandboxHelper'>): CachePlace {
  const platform = machineOf(environment.architecture);
  return {
    directory: environment.cacheDirectory,
    sandbox: sandboxOptions(environment, { platform, helper: sandboxHelper, qemu: undefined }),
  };
}

/**
 * Bytes that the cache may take: `MABUILD_CACHE_LIMIT`, else the configuration's `cacheLimit`, else 10 GB.
 * @returns `undefined` when there is no limit
 * @throws MabuildError `USAGE`
 */
export function cacheLimit({
  environment,
  config,
}: Pick<Toolbox, 'environment' | 'config'>): number | undefined {
  const said = environment.variables.MABUILD_CACHE_LIMIT || config.cacheLimit;
  if (said === undefined) return defaultCacheLimit;
  return said === 'none' ? undefined : parseSize(said, 'the cache limit');
}
