import { constants } from 'node:fs';
import { access, mkdir, readlink, realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { type CallOptions, dockerHubAddress, isDockerHub } from '@mabuild/oci';
import { unwritable } from '../../file-error.ts';
import { writeWhole } from '../../write-whole.ts';
import { type AuthFile, helperOf, hostKeysOf, readAuthFile } from './auth-file.ts';
import { eraseFromCredentialHelper, storeInCredentialHelper } from './credential-helper.ts';

/** Where Docker's command keeps the password of a registry. */
export type CredentialPlace =
  | { readonly kind: 'helper'; readonly helper: string }
  /** In the clear, for whoever can read the file. */
  | { readonly kind: 'file'; readonly file: string };

export interface CredentialStoreOptions extends CallOptions {
  /** The folder of Docker's config.json. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `process.platform`. */
  readonly operatingSystem: string;
}

/**
 * Keeps a password where `docker login` would: with the credential helper of the host, else in `auths` of config.json.
 * @throws MabuildError `CREDENTIAL_HELPER_FAILED`, `DOCKER_CONFIG_INVALID`, `FILE_UNWRITABLE`.
 */
export async function storeCredential(
  host: string,
  credential: { readonly username: string; readonly password: string },
  options: CredentialStoreOptions,
): Promise<CredentialPlace> {
  const { environment, signal } = options;
  const file = await configFile(options.directory);
  const config = await readAuthFile(file, signal);
  const own = await ownStore(config, options);
  const helper = helperOf({ ...config, credsStore: own ?? config.credsStore }, host);
  const auths = { ...config.auths };
  for (const key of hostKeysOf(auths, host)) delete auths[key];
  const key = isDockerHub(host) ? dockerHubAddress : host;
  if (helper === undefined) {
    const auth = Buffer.from(`${credential.username}:${credential.password}`).toString('base64');
    await writeConfig(file, { ...config.document, auths: { ...auths, [key]: { auth } } });
    return { kind: 'file', file };
  }
  await storeInCredentialHelper(helper, host, credential, { environment, file, signal });
  await writeConfig(file, {
    ...config.document,
    auths: { ...auths, [key]: {} },
    ...(own !== undefined && { credsStore: own }),
  });
  return { kind: 'helper', helper };
}

/**
 * Forgets a host where `docker logout` would.
 * @returns whether there was something.
 * @throws MabuildError `CREDENTIAL_HELPER_FAILED`, `DOCKER_CONFIG_INVALID`, `FILE_UNWRITABLE`.
 */
export async function eraseCredential(host: string, options: CredentialStoreOptions): Promise<boolean> {
  const { environment, signal } = options;
  const file = await configFile(options.directory);
  const config = await readAuthFile(file, signal);
  const helper = helperOf(config, host);
  const erased =
    helper !== undefined && (await eraseFromCredentialHelper(helper, host, { environment, file, signal }));
  const keys = hostKeysOf(config.auths, host);
  if (keys.length === 0) {
    return erased;
  }
  const auths = Object.entries(config.auths).filter(([key]) => !keys.includes(key));
  await writeConfig(file, { ...config.document, auths: Object.fromEntries(auths) });
  return true;
}

/** config.json, or where it is a link what it leads to: the link stays. */
async function configFile(directory: string): Promise<string> {
  const file = join(directory, 'config.json');
  try {
    return await realpath(file);
  } catch {
    const target = await readlink(file).catch(() => undefined);
    return target === undefined ? file : resolve(directory, target);
  }
}

/**
 * The helper that docker takes by itself when it has never kept a password: that of the operating system, if it is here.
 */
async function ownStore(
  config: AuthFile,
  { environment, operatingSystem }: CredentialStoreOptions,
): Promise<string | undefined> {
  const { auths, credHelpers, credsStore } = config;
  if (credsStore !== undefined || Object.keys(auths).length > 0 || Object.keys(credHelpers).length > 0) {
    return undefined;
  }
  const names: Readonly<Record<string, string>> = { darwin: 'osxkeychain', win32: 'wincred' };
  const name =
    operatingSystem === 'linux'
      ? (await isProgram('pass', environment, operatingSystem))
        ? 'pass'
        : 'secretservice'
      : names[operatingSystem];
  return name !== undefined && (await isProgram(`docker-credential-${name}`, environment, operatingSystem))
    ? name
    : undefined;
}

async function isProgram(
  name: string,
  environment: CredentialStoreOptions['environment'],
  operatingSystem: string,
): Promise<boolean> {
  const file = operatingSystem === 'win32' ? `${name}.exe` : name;
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    const found = await access(join(folder, file), constants.X_OK).then(
      () => folder !== '',
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** Writes config.json as docker does, readable for its owner alone. */
async function writeConfig(file: string, document: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw unwritable(file, error);
  });
  const owner = await stat(file).catch(() => undefined);
  await writeWhole(file, `${JSON.stringify(document, undefined, '\t')}\n`, { mode: 0o600, owner });
}
