import type { CallOptions, Descriptor } from '@mabuild/oci';
import { grantedActions } from '../access/granted-actions.ts';
import { pushScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import { faultHint } from '../http/connection-fault.ts';
import type { Repository } from '../repository.ts';
import { findManifest, spell } from './manifest.ts';

export interface AskToPushOptions extends CallOptions {
  /** Milliseconds after which a registry that said nothing is taken for one that does not answer. @default 15000 */
  readonly patience?: number | undefined;
}

/**
 * Asks what a tag points at, as one who is going to write it: with the first question of a push, and nothing to send yet.
 * @returns `undefined`: it points at nothing.
 * @throws RegistryError `REGISTRY_UNREACHABLE`, `REGISTRY_UNAUTHORIZED`; `REGISTRY_DENIED` also when the registry's own
 *   token says that it does not do; `REGISTRY_ERROR`, which may pass.
 */
export async function askToPush(
  repository: Repository,
  name: string,
  { signal, patience = 15_000 }: AskToPushOptions = {},
): Promise<Descriptor | undefined> {
  const { host } = repository;
  const tired = AbortSignal.timeout(patience);
  const either = signal ? AbortSignal.any([signal, tired]) : tired;
  let found: Descriptor | undefined;
  try {
    found = await findManifest(repository, name, { signal: either, pushing: true });
  } catch (error) {
    if (signal?.aborted === true || !tired.aborted) {
      throw error;
    }
    throw new RegistryError(
      `looking for ${spell(repository, name)}: ${host.name} gave no answer in ${patience / 1000} s`,
      host.answered
        ? { code: 'REGISTRY_ERROR', hint: `${host.name} is in trouble: try again later, or ask who runs it` }
        : { code: 'REGISTRY_UNREACHABLE', hint: faultHint('ETIMEDOUT', host.name) },
    );
  }
  const header = await host.authorization([pushScope(repository.path)], signal);
  const actions = header === undefined ? undefined : grantedActions(header, repository.path);
  if (actions === undefined || actions.includes('push') || actions.includes('*')) {
    return found;
  }
  throw new RegistryError(
    `asking to push to ${repository.name}: ${host.name} allows ${actions.join(', ') || 'nothing'}, and no push`,
    {
      code: 'REGISTRY_DENIED',
      hint: `sign in with "mabuild login ${host.name}" as a user who may push there, or check the name of the repository`,
    },
  );
}
