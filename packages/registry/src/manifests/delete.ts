import { type CallOptions, isDigest } from '@mabuild/oci';
import { deleteScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import { manifestPath, type Repository } from '../repository.ts';
import { spell } from './manifest.ts';

/**
 * Deletes a tag and nothing else, or, by its digest, a manifest with every tag that points at it: distribution-spec,
 * "Deleting tags" and "Deleting Manifests". What a manifest names, images of an index too, stays.
 * @throws RegistryError `IMAGE_NOT_FOUND`; `REGISTRY_UNSUPPORTED` where nothing, or no tag alone, can be deleted.
 */
export async function deleteManifest(
  repository: Repository,
  name: string,
  { signal }: CallOptions = {},
): Promise<void> {
  const doing = `deleting ${spell(repository, name)}`;
  try {
    await repository.host.call({
      method: 'DELETE',
      target: manifestPath(repository, name),
      scopes: [deleteScope(repository.path)],
      doing,
      notFound: 'IMAGE_NOT_FOUND',
      signal,
    });
  } catch (error) {
    if (error instanceof RegistryError && isUnsupported(error, name)) {
      throw unsupported(error, doing, isDigest(name));
    }
    throw error;
  }
}

/** docker-registry before version 3 calls a tag a bad digest; others say 405, or 400 UNSUPPORTED. */
function isUnsupported({ status, registryCode }: RegistryError, name: string): boolean {
  return (
    status === 405 ||
    status === 501 ||
    registryCode === 'UNSUPPORTED' ||
    (status === 400 && !isDigest(name) && registryCode === 'DIGEST_INVALID')
  );
}

function unsupported(cause: RegistryError, doing: string, byDigest: boolean): RegistryError {
  const { message, status, registryCode, requestId } = cause;
  const what = byDigest ? 'the registry deletes nothing' : 'the registry cannot delete a tag alone';
  return new RegistryError(`${doing}: ${what}${message.slice(doing.length)}`, {
    code: 'REGISTRY_UNSUPPORTED',
    hint: byDigest
      ? 'deleting is switched off there (docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true), or done in its own web pages'
      : 'delete the manifest with every tag of it, by its digest: mabuild delete --manifest',
    status,
    registryCode,
    requestId,
    cause,
  });
}
