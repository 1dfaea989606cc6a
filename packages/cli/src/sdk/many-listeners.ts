import { setMaxListeners } from 'node:events';
import type { CallOptions } from '@mabuild/oci';

/** The same options, with a signal to which many requests may listen side by side without a warning of Node's. */
export function forManyListeners<T extends CallOptions>(options: T): T {
  if (options.signal === undefined) return options;
  const signal = AbortSignal.any([options.signal]);
  setMaxListeners(0, signal);
  return { ...options, signal };
}
