import type { SdkOptions } from '../toolbox.ts';
import { parseRegistry, parseRepository } from './references.ts';
import { withRegistry } from './with-reference.ts';

/**
 * The tags of a repository, in the order of their characters' numbers.
 * @throws MabuildError `INVALID_REFERENCE`, `REPOSITORY_NOT_FOUND`, `REGISTRY_…`
 */
export async function listTags(repository: string, options: SdkOptions = {}): Promise<readonly string[]> {
  const reference = parseRepository(repository);
  return withRegistry(options, (registry) => collect(registry.tags(reference, options)));
}

/**
 * The repositories of a registry, `HOST` or `HOST:PORT`, in the order of their characters' numbers.
 * @throws MabuildError `INVALID_REFERENCE`, `REGISTRY_UNSUPPORTED` where the registry does not tell, `REGISTRY_…`
 */
export async function listRepositories(
  registry: string,
  options: SdkOptions = {},
): Promise<readonly string[]> {
  const host = parseRegistry(registry);
  return withRegistry(options, (client) => collect(client.repositories(host, options)));
}

async function collect(names: AsyncIterable<string>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found.sort();
}
