import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CallOptions, type Credential, type CredentialSource, MabuildError } from '@mabuild/oci';
import { askCredentialHelper } from './credential-helper.ts';

/** What mabuild takes from Docker's config.json. */
export interface DockerConfig {
  /** `auths`, `credHelpers` and `credsStore`; a helper program runs when it is asked, not before. */
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
  /** For credential helpers (PATH, HOME) and `DOCKER_AUTH_CONFIG`, which holds `auths` as JSON. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads Docker's config.json; one that does not exist is empty.
 * @throws MabuildError `DOCKER_CONFIG_INVALID`, which names the file and never what is in it.
 */
export async function readDockerConfig(options: ReadDockerConfigOptions): Promise<DockerConfig> {
  const { environment } = options;
  const file = join(options.directory, 'config.json');
  const config = parseConfig(await readIfThere(file, options.signal), file);
  const given = parseConfig(environment.DOCKER_AUTH_CONFIG ?? '', 'DOCKER_AUTH_CONFIG');
  const sources = [
    { auths: record(given.auths, 'DOCKER_AUTH_CONFIG', 'auths'), file: 'DOCKER_AUTH_CONFIG' },
    { auths: record(config.auths, file, 'auths'), file },
  ];
  const credHelpers = texts(config.credHelpers, file, 'credHelpers');
  const credsStore = text(config.credsStore, file, 'credsStore');
  const proxies = record(config.proxies, file, 'proxies');
  return {
    credentials: {
      async credentialFor(host, { signal } = {}) {
        const fromVariable = findAuth(sources[0]!.auths, host, sources[0]!.file);
        if (fromVariable !== undefined) {
          return fromVariable.credential;
        }
        const helper = helperOf(credHelpers, host) ?? credsStore;
        if (helper !== undefined) {
          return askCredentialHelper(helper, serverAddress(host), { environment, file, signal });
        }
        return findAuth(sources[1]!.auths, host, file)?.credential;
      },
    },
    currentContext: text(config.currentContext, file, 'currentContext'),
    proxyBuildArgs: proxyBuildArgs(texts(proxies.default, file, 'proxies.default')),
    httpHeaders: texts(config.HttpHeaders, file, 'HttpHeaders'),
    hosts: [
      ...new Set(
        [...sources.flatMap(({ auths }) => Object.keys(auths)), ...Object.keys(credHelpers)].map(
          hostOfAuthKey,
        ),
      ),
    ],
  };
}

/** The registry host that a key of `auths` stands for: docker writes hosts, old ones addresses. */
export function hostOfAuthKey(key: string): string {
  const authority = /^[^:/?#]+:\/\/(?:[^/?#@]*@)?([^/?#]*)/.exec(key)?.[1] ?? '';
  const [, name = '', port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(authority) ?? [];
  if (name === '') {
    return key.split('/', 1)[0] ?? '';
  }
  return port === undefined ? name : `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Docker Hub under the names that it goes by. */
const dockerHub = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
const dockerHubAddress = 'https://index.docker.io/v1/';

function serverAddress(host: string): string {
  return dockerHub.includes(host) ? dockerHubAddress : host;
}

function helperOf(helpers: Readonly<Record<string, string>>, host: string): string | undefined {
  const names = dockerHub.includes(host) ? [dockerHubAddress, ...dockerHub] : [host];
  const name = names.find((candidate) => Object.hasOwn(helpers, candidate));
  return name === undefined ? undefined : helpers[name];
}

/**
 * Looks a host, or a repository (`HOST/PATH`, as podman's logins may be kept), up in `auths`.
 * @returns `undefined` when no key fits; an entry that holds nothing means anonymous.
 */
function findAuth(
  auths: Readonly<Record<string, unknown>>,
  target: string,
  file: string,
): { readonly credential: Credential | undefined } | undefined {
  const names = [target];
  for (let path = target; path.includes('/'); ) {
    path = path.slice(0, path.lastIndexOf('/'));
    names.push(path);
  }
  const host = names.at(-1) ?? target;
  if (dockerHub.includes(host)) {
    names.push(dockerHubAddress, ...dockerHub);
  }
  const exact = names.find((name) => Object.hasOwn(auths, name));
  const key =
    exact ??
    Object.keys(auths).find((candidate) => {
      const isAddress = candidate.includes('://') || /^[^/]+\/(v[12]\/?)?$/.test(candidate);
      return isAddress && hostOfAuthKey(candidate) === host;
    });
  if (key === undefined) {
    return undefined;
  }
  const entry = auths[key];
  if (typeof entry !== 'object' || entry === null) {
    throw invalid(file, `auths has no object for ${hostOfAuthKey(key)}`);
  }
  return {
    credential: credentialOf(entry as Record<string, unknown>, `${file}: auths of ${hostOfAuthKey(key)}`),
  };
}

function credentialOf(entry: Readonly<Record<string, unknown>>, place: string): Credential | undefined {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (typeof registrytoken === 'string' && registrytoken !== '') {
    return { kind: 'registry-token', token: registrytoken };
  }
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return { kind: 'identity-token', token: identitytoken };
  }
  if (typeof auth === 'string' && auth !== '') {
    const decoded = Buffer.from(auth, 'base64').toString();
    const colon = decoded.indexOf(':');
    if (colon === -1 || !/^[A-Za-z0-9+/_\-\s]+=*\s*$/.test(auth)) {
      throw invalid(place, '"auth" is not the base64 of user:password');
    }
    // Docker pads with zero bytes what it once encrypted.
    const secret = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, '');
    return { kind: 'basic', username: decoded.slice(0, colon), password: secret };
  }
  return typeof username === 'string' && username !== '' && typeof password === 'string'
    ? { kind: 'basic', username, password }
    : undefined;
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

async function readIfThere(file: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await readFile(file, { encoding: 'utf8', ...(signal !== undefined && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return '';
    }
    throw new MabuildError(`reading ${file}: ${code ?? 'it cannot be read'}`, {
      code: 'DOCKER_CONFIG_INVALID',
      hint: 'make the file readable, or point DOCKER_CONFIG at another folder',
      cause,
    });
  }
}

function parseConfig(json: string, file: string): Record<string, unknown> {
  if (json.trim() === '') {
    return {};
  }
  try {
    return record(JSON.parse(json.replace(/^\uFEFF/, '')), file, 'the document');
  } catch (error) {
    // What the parser says quotes the text, which holds passwords.
    throw error instanceof MabuildError ? error : invalid(file, 'it is not JSON');
  }
}

function record(value: unknown, file: string, field: string): Record<string, unknown> {
  if (value === undefined || value === null) {
    return {};
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(file, `${field} is not an object`);
  }
  return value as Record<string, unknown>;
}

function texts(value: unknown, file: string, field: string): Record<string, string> {
  const fields = record(value, file, field);
  for (const [name, entry] of Object.entries(fields)) {
    text(entry, file, `${field}.${name}`);
  }
  return fields as Record<string, string>;
}

function text(value: unknown, file: string, field: string): string | undefined {
  if (value === undefined || value === null || value === '') {
    return undefined;
  }
  if (typeof value !== 'string') {
    throw invalid(file, `${field} is not a text`);
  }
  return value;
}

function invalid(place: string, problem: string): MabuildError {
  return new MabuildError(`reading ${place}: ${problem}`, {
    code: 'DOCKER_CONFIG_INVALID',
    hint: 'mend the file, or point DOCKER_CONFIG at another folder',
  });
}
