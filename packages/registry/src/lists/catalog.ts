import { RegistryError } from '../error.ts';
import type { RegistryHost } from '../host/registry-host.ts';
import { type ListOptions, namesOf, readPages } from './pages.ts';

/**
 * The repositories of a registry, each once: distribution, "Listing Repositories"; the distribution-spec has no such list.
 * @throws RegistryError `REGISTRY_UNSUPPORTED` where the registry does not tell, as Docker Hub and GitHub's.
 */
export async function* listRepositories(
  host: RegistryHost,
  options: ListOptions = {},
): AsyncGenerator<string, void> {
  const doing = `listing the repositories of ${host.name}`;
  const seen = new Set<string>();
  try {
    yield* readPages(
      host,
      { path: '/v2/_catalog', scopes: ['registry:catalog:*'], doing },
      options,
      (answer) => namesOf(answer, 'repositories', seen, doing),
    );
  } catch (error) {
    const isAbsent = error instanceof RegistryError && [404, 405, 501].includes(error.status ?? 0);
    throw isAbsent ? unsupported(error, doing) : error;
  }
}

function unsupported(cause: RegistryError, doing: string): RegistryError {
  const { message, status, registryCode, requestId } = cause;
  return new RegistryError(`${doing}: the registry does not tell them${message.slice(doing.length)}`, {
    code: 'REGISTRY_UNSUPPORTED',
    hint: 'list the tags of a repository that you know: mabuild ls REPO',
    status,
    registryCode,
    requestId,
    cause,
  });
}
