import type { RegistryHost } from '../host/registry-host.ts';

/** How the bytes of a blob get to a registry: with the PUT, by one PATCH before it, or by several. */
export type UploadWay = 'put' | 'patch' | 'chunks';

/** What a registry was found to need. */
export interface UploadWays {
  /** How blobs are sent that are not too large. */
  way: 'put' | 'patch';
  /** Bytes from which on blobs go in chunks. */
  chunkFrom: number;
  /** Bytes of a chunk. */
  chunk: number;
  /** Whether the last mount from another repository was done. */
  mounts: boolean;
  /** Whether an upload may begin with `mount` and no `from`. */
  mountsAlone: boolean;
  /** Whether a blob may be sent while it is made. */
  follows: boolean;
}

/** S3's least part, below which ECR takes no chunk but the last. */
export const leastChunk: number = 5 * 1024 * 1024;
/** Below the limits that proxies usually have. */
const usualChunk = 16 * 1024 * 1024;
const found = new WeakMap<RegistryHost, UploadWays>();

/** What a host was found to need so far; what is learnt of it is written there. */
export function waysOf(host: RegistryHost): UploadWays {
  const ways = found.get(host) ?? {
    way: 'put',
    chunkFrom: Number.POSITIVE_INFINITY,
    chunk: usualChunk,
    mounts: true,
    mountsAlone: true,
    follows: true,
  };
  found.set(host, ways);
  return ways;
}
