import type { Descriptor } from '@mabuild/oci';
import type { RegistryHost } from './registry-host.ts';

/** A repository at the host that serves it. */
export interface Repository {
  readonly host: RegistryHost;
  /** The path below the host, e.g. `library/ubuntu`. */
  readonly path: string;
  /** As people know it, for messages, e.g. `docker.io/library/ubuntu`. */
  readonly name: string;
}

/** distribution-spec, "Endpoints": end-2. */
export function blobPath(repository: Repository, descriptor: Pick<Descriptor, 'digest'>): string {
  return `/v2/${repository.path}/blobs/${descriptor.digest}`;
}
