import type { CallOptions, Descriptor } from '@mabuild/oci';
import { pullScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import { blobPath, type Repository } from '../repository.ts';

/**
 * Describes a blob by what its registry says of it: distribution-spec, "Checking if content exists in the registry".
 * @throws RegistryError `BLOB_NOT_FOUND`; `REGISTRY_ERROR` when the registry does not say how long it is.
 */
export async function findBlob(
  repository: Repository,
  digest: string,
  { signal }: CallOptions = {},
): Promise<Descriptor> {
  const doing = `looking for blob ${digest} in ${repository.name}`;
  const answer = await repository.host.call({
    method: 'HEAD',
    target: blobPath(repository, { digest }),
    scopes: [pullScope(repository.path)],
    doing,
    accept: [404],
    signal,
  });
  if (answer.status === 404) {
    throw new RegistryError(`there is no blob ${digest} in ${repository.name}`, {
      code: 'BLOB_NOT_FOUND',
      hint: 'blobs are layers and configs, as `mabuild manifest` names them; a manifest itself is none',
      status: 404,
    });
  }
  const length = answer.header('content-length') ?? '';
  if (!/^\d+$/.test(length)) {
    throw new RegistryError(`${doing}: the registry does not say how long it is`, { code: 'REGISTRY_ERROR' });
  }
  return { mediaType: 'application/octet-stream', digest, size: Number(length) };
}
