import type { CallOptions } from '@mabuild/oci';
import { signInRefused } from '../access/sign-in-error.ts';
import { RegistryError } from '../error.ts';
import type { RegistryHost } from './registry-host.ts';

/**
 * Asks a registry whether it takes the credentials: distribution-spec, "Determining Support".
 * @throws RegistryError `REGISTRY_UNAUTHORIZED`, `REGISTRY_UNREACHABLE`, `REGISTRY_ERROR`.
 */
export async function signIn(host: RegistryHost, options: CallOptions = {}): Promise<void> {
  try {
    await host.call({
      method: 'GET',
      target: '/v2/',
      scopes: [],
      doing: `signing in to ${host.name}`,
      signal: options.signal,
    });
  } catch (error) {
    const isRefused = error instanceof RegistryError && error.code === 'REGISTRY_UNAUTHORIZED';
    throw isRefused ? signInRefused(host.name, error.message, error) : error;
  }
}
