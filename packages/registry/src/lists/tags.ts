import { pullScope } from '../access/scope.ts';
import type { Repository } from '../repository.ts';
import { type ListOptions, namesOf, readPages } from './pages.ts';

/**
 * The tags of a repository, each once: distribution-spec, "Listing Tags".
 * @throws RegistryError `REPOSITORY_NOT_FOUND`, `REGISTRY_…`
 */
export function listTags(repository: Repository, options: ListOptions = {}): AsyncGenerator<string, void> {
  const doing = `listing the tags of ${repository.name}`;
  const seen = new Set<string>();
  return readPages(
    repository.host,
    {
      path: `/v2/${repository.path}/tags/list`,
      scopes: [pullScope(repository.path)],
      doing,
      notFound: 'REPOSITORY_NOT_FOUND',
    },
    options,
    (answer) => namesOf(answer, 'tags', seen, doing),
  );
}
