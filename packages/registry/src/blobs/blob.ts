import type { CallOptions, Descriptor } from '@mabuild/oci';
import { pushScope } from '../access/scope.ts';
import { blobPath, type Repository } from '../repository.ts';

/** Tells whether a repository has a blob: distribution-spec, "Checking if content exists in the registry". */
export async function hasBlob(
  repository: Repository,
  descriptor: Descriptor,
  options: CallOptions & { readonly once?: boolean } = {},
): Promise<boolean> {
  const request = {
    method: 'HEAD',
    target: blobPath(repository, descriptor),
    scopes: [pushScope(repository.path)],
    doing: `looking for blob ${descriptor.digest} in ${repository.name}`,
    accept: [404],
    signal: options.signal,
  };
  const { host } = repository;
  const answer = await (options.once === true ? host.callOnce(request) : host.call(request));
  return answer.status !== 404;
}
