import { join } from 'node:path';
import type { CallOptions, CredentialSource } from '@mabuild/oci';
import {
  type AuthFile,
  credentialOfHost,
  credentialOfRepository,
  helperOf,
  hostOfAuthKey,
  parseAuthFile,
  readAuthFile,
  record,
  text,
  texts,
} from './auth-file.ts';
import { askCredentialHelper } from './credential-helper.ts';

/** What mabuild takes from Docker's config.json, and from what stands in for it. */
export interface DockerConfig {
  /**
   * `auths`, `credHelpers` and `credsStore` of DOCKER_AUTH_CONFIG, of the file that REGISTRY_AUTH_FILE names, of
   * config.json and of podman's auth.json, in this order; a helper program runs when it is asked, not before.
   */
  readonly credentials: CredentialSource;
  /** The endpoint that `docker context use` chose. */
  readonly currentContext: string | undefined;
  /** `proxies.default` as the build arguments that docker makes of it, in both spellings. */
  readonly proxyBuildArgs: Readonly<Record<string, string>>;
  /** Headers for requests to the engine. */
  readonly httpHeaders: Readonly<Record<string, string>>;
  /** Hosts that there are credentials for; names only. */
  readonly hosts: readonly string[];
}

export interface ReadDockerConfigOptions extends CallOptions {
  /** The folder of config.json. */
  readonly directory: string;
  /**
   * For credential helpers (PATH, HOME), `DOCKER_AUTH_CONFIG`, which holds `auths` as JSON, `REGISTRY_AUTH_FILE`, and
   * `XDG_RUNTIME_DIR` and `XDG_CONFIG_HOME`, which podman's auth.json lies under.
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where podman looks for `.config/containers/auth.json`. @default it is not looked for */
  readonly homeDirectory?: string | undefined;
}

/**
 * Reads Docker's config.json and podman's auth.json; files that do not exist are empty.
 * @throws MabuildError `DOCKER_CONFIG_INVALID`, which names the file and never what is in it.
 */
export async function readDockerConfig(options: ReadDockerConfigOptions): Promise<DockerConfig> {
  const { config, before, after } = await readAuthFiles(options);
  const files = [...before, config, ...after];
  const proxies = record(config.document.proxies, config.name, 'proxies');
  return {
    credentials: credentialsIn(files, options.environment),
    currentContext: text(config.document.currentContext, config.name, 'currentContext'),
    proxyBuildArgs: proxyBuildArgs(texts(proxies.default, config.name, 'proxies.default')),
    httpHeaders: texts(config.document.HttpHeaders, config.name, 'HttpHeaders'),
    hosts: [
      ...new Set(
        files
          .flatMap(({ auths, credHelpers }) => [...Object.keys(auths), ...Object.keys(credHelpers)])
          .map(hostOfAuthKey),
      ),
    ],
  };
}

/** Files of credentials; what `before` says wins over config.json, which wins over `after`. */
export interface AuthFiles {
  readonly before: readonly AuthFile[];
  readonly config: AuthFile;
  readonly after: readonly AuthFile[];
}

/** @see readDockerConfig */
export async function readAuthFiles(options: ReadDockerConfigOptions): Promise<AuthFiles> {
  const { environment, directory, homeDirectory, signal } = options;
  const read = (file: string): Promise<AuthFile> => readAuthFile(file, signal);
  const configHome =
    environment.XDG_CONFIG_HOME ?? (homeDirectory === undefined ? undefined : join(homeDirectory, '.config'));
  const podmans = [environment.XDG_RUNTIME_DIR, configHome]
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder ?? '', 'containers', 'auth.json'));
  const [given, config, ...after] = await Promise.all([
    environment.REGISTRY_AUTH_FILE ? read(environment.REGISTRY_AUTH_FILE) : undefined,
    read(join(directory, 'config.json')),
    ...podmans.map(read),
  ]);
  const variable = parseAuthFile(environment.DOCKER_AUTH_CONFIG ?? '', 'DOCKER_AUTH_CONFIG');
  return { before: [variable, ...(given ? [given] : [])], config, after };
}

/** Looks in files of credentials, in this order, until one has something for a repository. */
export function credentialsIn(
  files: readonly AuthFile[],
  environment: Readonly<Record<string, string | undefined>>,
): CredentialSource {
  return {
    async credentialFor(host, { repository = '', signal } = {}) {
      for (const file of files) {
        const ofRepository = credentialOfRepository(file, host, repository);
        if (ofRepository !== undefined) return ofRepository;
        const helper = helperOf(file, host);
        const kept =
          helper === undefined
            ? undefined
            : await askCredentialHelper(helper, host, { environment, file: file.name, signal });
        const found = kept ?? credentialOfHost(file, host);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

function proxyBuildArgs(proxies: Readonly<Record<string, string>>): Record<string, string> {
  const names = {
    httpProxy: 'HTTP_PROXY',
    httpsProxy: 'HTTPS_PROXY',
    ftpProxy: 'FTP_PROXY',
    noProxy: 'NO_PROXY',
    allProxy: 'ALL_PROXY',
  };
  return Object.fromEntries(
    Object.entries(names).flatMap(([field, name]) => {
      const value = proxies[field];
      return value === undefined || value === ''
        ? []
        : [
            [name, value],
            [name.toLowerCase(), value],
          ];
    }),
  );
}
