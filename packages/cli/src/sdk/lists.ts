import { MabuildError, parseReference } from '@mabuild/oci';
import type { SdkOptions } from './toolbox.ts';
import { parseRepository, withRegistry } from './with-reference.ts';

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

/** A host is what a reference could begin with. */
function parseRegistry(text: string): string {
  const { registry, repository } = readHost(text) ?? {};
  if (registry !== undefined && (repository === 'x' || repository === 'library/x')) return registry;
  throw new MabuildError(`${JSON.stringify(text)} is no registry`, {
    code: 'INVALID_REFERENCE',
    hint: 'write HOST or HOST:PORT, e.g. localhost:5000',
  });
}

function readHost(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(`${text}/x`);
  } catch {
    return undefined;
  }
}

async function collect(names: AsyncIterable<string>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found.sort();
}
