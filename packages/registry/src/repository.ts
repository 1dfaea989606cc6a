import { type Descriptor, isDigest, withTag } from '@mabuild/oci';
import type { RegistryHost } from './host/registry-host.ts';

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

/**
 * distribution-spec, "Endpoints": end-3, end-7 and end-9. Tags come from other registries too: one such as
 * `../../other/manifests/latest` would lead out of the repository.
 * @param name a tag or a digest
 * @throws MabuildError `INVALID_REFERENCE`
 */
export function manifestPath(repository: Repository, name: string): string {
  if (!isDigest(name)) {
    withTag({ registry: repository.host.name, repository: repository.path }, name);
  }
  return `/v2/${repository.path}/manifests/${name}`;
}
