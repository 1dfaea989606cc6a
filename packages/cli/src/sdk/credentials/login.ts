import { type CredentialSource, MabuildError } from '@mabuild/oci';
import { staticCredentials } from '@mabuild/registry';
import { dockerConfigDirectory } from '../environment.ts';
import { parseRegistry } from '../images/references.ts';
import { type SdkOptions, type Toolbox, withToolbox } from '../toolbox.ts';
import { type CredentialPlace, eraseCredential, storeCredential } from './credential-store.ts';
import { credentialsIn, readAuthFiles } from './docker-config.ts';

export interface LoginRequest {
  /** `ghcr.io`, `localhost:5000`, `docker.io`. */
  readonly registry: string;
  readonly username: string;
  /** A password or an access token. */
  readonly password: string;
}

export interface LoginResult {
  readonly registry: string;
  readonly username: string;
  readonly stored: CredentialPlace;
  /** What holds other credentials of the registry, which win over those that were stored. */
  readonly hiddenBy: string | undefined;
}

export interface LogoutResult {
  readonly registry: string;
  /** Whether there was something to forget. */
  readonly removed: boolean;
  /** What still holds credentials of the registry: a variable, or files that are not Docker's. */
  readonly left: readonly string[];
}

/**
 * Signs in at a registry, and keeps the password where `docker login` would when the registry takes it.
 * @throws MabuildError `REGISTRY_UNAUTHORIZED`, `REGISTRY_…`, `INVALID_REFERENCE`, `USAGE`, `CREDENTIAL_HELPER_FAILED`,
 *   `DOCKER_CONFIG_INVALID`, `FILE_UNWRITABLE`
 */
export async function login(request: LoginRequest, options: SdkOptions = {}): Promise<LoginResult> {
  const { username, password } = request;
  const registry = registryHost(request.registry);
  checkCredential(username, password);
  const credentials = staticCredentials({ [registry]: { username, password } });
  return withToolbox({ ...options, credentials }, async (toolbox) => {
    const client = await toolbox.registry();
    await client.signIn(registry, options);
    const stored = await storeCredential(registry, { username, password }, storeOptions(toolbox, options));
    const [hiddenBy] = await otherPlaces(registry, 'before', toolbox, options);
    return { registry, username, stored, hiddenBy };
  });
}

/**
 * Forgets the password of a registry, as `docker logout` does.
 * @throws MabuildError `INVALID_REFERENCE`, `CREDENTIAL_HELPER_FAILED`, `DOCKER_CONFIG_INVALID`, `FILE_UNWRITABLE`
 */
export async function logout(
  request: { readonly registry: string },
  options: SdkOptions = {},
): Promise<LogoutResult> {
  const registry = registryHost(request.registry);
  return withToolbox(options, async (toolbox) => {
    const removed = await eraseCredential(registry, storeOptions(toolbox, options));
    return { registry, removed, left: await otherPlaces(registry, 'all', toolbox, options) };
  });
}

/** The host of a registry as references spell it; docker's addresses of old are understood. */
function registryHost(text: string): string {
  return parseRegistry(text.replace(/^https?:\/\//i, '').replace(/\/(v[12]\/?)?$/, ''));
}

function checkCredential(username: string, password: string): void {
  const problem =
    username === ''
      ? 'the user name is empty'
      : username.includes(':')
        ? 'a user name cannot hold a colon'
        : password === ''
          ? 'the password is empty'
          : undefined;
  if (problem !== undefined) {
    throw new MabuildError(`signing in: ${problem}`, {
      code: 'USAGE',
      hint: 'e.g. mabuild login ghcr.io -u USER --password-stdin < token.txt',
    });
  }
}

function storeOptions(
  { environment }: Toolbox,
  { signal }: SdkOptions,
): Parameters<typeof storeCredential>[2] {
  return {
    directory: dockerConfigDirectory(environment),
    environment: environment.variables,
    operatingSystem: environment.operatingSystem,
    signal,
  };
}

/** Names the files and variables, config.json left out, that hold something for a registry. */
async function otherPlaces(
  registry: string,
  which: 'before' | 'all',
  { environment }: Toolbox,
  { signal }: SdkOptions,
): Promise<readonly string[]> {
  const { before, after } = await readAuthFiles({
    directory: dockerConfigDirectory(environment),
    environment: environment.variables,
    homeDirectory: environment.homeDirectory,
    signal,
  });
  const found: string[] = [];
  for (const file of which === 'before' ? before : [...before, ...after]) {
    const source: CredentialSource = credentialsIn([file], environment.variables);
    if ((await source.credentialFor(registry, { signal })) !== undefined) found.push(file.name);
  }
  return found;
}
