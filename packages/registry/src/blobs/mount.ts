import type { CallOptions, Descriptor } from '@mabuild/oci';
import { RegistryError } from '../error.ts';
import type { Repository } from '../repository.ts';
import { beginUpload, cancelUpload, type UploadSession } from './upload-session.ts';
import { waysOf } from './upload-ways.ts';

/**
 * Makes a blob of a neighbouring repository appear: distribution-spec, "Mounting a blob from another repository".
 * @returns `true` when it did; the upload that the registry began instead; `false` when it refused.
 */
export async function mountBlob(
  repository: Repository,
  descriptor: Descriptor,
  from: string,
  { signal }: CallOptions = {},
): Promise<boolean | UploadSession> {
  const doing = `mounting blob ${descriptor.digest} of ${from} into ${repository.name}`;
  try {
    // Trying again costs less than sending the bytes.
    const session = await repository.host.retrying(
      { method: 'POST', target: `/v2/${repository.path}/blobs/uploads/`, doing, signal },
      () => beginUpload({ repository, descriptor, doing, from, signal }),
    );
    if (session !== undefined && signal?.aborted === true) {
      await cancelUpload(repository, session.location);
    }
    signal?.throwIfAborted();
    waysOf(repository.host).mounts = session === undefined;
    return session ?? true;
  } catch (error) {
    const refused = error instanceof RegistryError && error.status !== undefined && error.status !== 429;
    if (refused && signal?.aborted !== true) {
      return false;
    }
    throw error;
  }
}
