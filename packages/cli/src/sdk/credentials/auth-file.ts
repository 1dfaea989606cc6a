import { readFile } from 'node:fs/promises';
import { type Credential, credentialKeys, isDockerHub, MabuildError } from '@mabuild/oci';

/** What a file in the form of Docker's config.json says of credentials; podman's auth.json is one too. */
export interface AuthFile {
  /** For errors: a path, or the variable that holds it all. */
  readonly name: string;
  /** The whole document. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly auths: Readonly<Record<string, unknown>>;
  /** Registry host to the NAME of `docker-credential-NAME`. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** The helper of all other hosts. */
  readonly credsStore: string | undefined;
}

/**
 * Reads a file of credentials; one that does not exist is empty.
 * @throws MabuildError `DOCKER_CONFIG_INVALID`, which names the file and never what is in it.
 */
export async function readAuthFile(file: string, signal?: AbortSignal): Promise<AuthFile> {
  let json = '';
  try {
    json = await readFile(file, { encoding: 'utf8', ...(signal !== undefined && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new MabuildError(`reading ${file}: ${code ?? 'it cannot be read'}`, {
        code: 'DOCKER_CONFIG_INVALID',
        hint: 'make the file readable, or point DOCKER_CONFIG at another folder',
        cause,
      });
    }
  }
  return parseAuthFile(json, file);
}

/** @see readAuthFile */
export function parseAuthFile(json: string, name: string): AuthFile {
  const document = parseDocument(json, name);
  return {
    name,
    document,
    auths: record(document.auths, name, 'auths'),
    credHelpers: texts(document.credHelpers, name, 'credHelpers'),
    credsStore: text(document.credsStore, name, 'credsStore'),
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

/** Tells whether a key of `auths` is for a whole host, and not for a part of it as podman has them. */
function isHostKey(key: string): boolean {
  return key.includes('://') || /^[^/]+\/?(v[12]\/?)?$/.test(key);
}

/** The credential kept for a repository or a folder of them: `HOST/team/app` before `HOST/team`. */
export function credentialOfRepository(
  { auths, name }: AuthFile,
  host: string,
  repository: string,
): Credential | undefined {
  const hosts = new Set(credentialKeys(host));
  const keys = credentialKeys(host, repository).filter((key) => !hosts.has(key));
  return credentialUnder(keys, auths, name);
}

/** The credential kept for a host. */
export function credentialOfHost({ auths, name }: AuthFile, host: string): Credential | undefined {
  return credentialUnder([...credentialKeys(host), ...hostKeysOf(auths, host)], auths, name);
}

/** The keys of `auths` that are for this host as a whole, in all spellings. */
export function hostKeysOf(auths: Readonly<Record<string, unknown>>, host: string): readonly string[] {
  const names = credentialKeys(host);
  return Object.keys(auths).filter(
    (key) => names.includes(key) || (isHostKey(key) && isSameHost(hostOfAuthKey(key), host)),
  );
}

/** The helper program for a host. */
export function helperOf({ credHelpers, credsStore }: AuthFile, host: string): string | undefined {
  const key = credentialKeys(host).find((candidate) => Object.hasOwn(credHelpers, candidate));
  return (key === undefined ? undefined : credHelpers[key]) ?? credsStore;
}

function isSameHost(one: string, other: string): boolean {
  return one === other || (isDockerHub(one) && isDockerHub(other));
}

/** The first that holds something: docker leaves `{}` where a helper keeps the password. */
function credentialUnder(
  keys: readonly string[],
  auths: Readonly<Record<string, unknown>>,
  name: string,
): Credential | undefined {
  for (const key of keys) {
    const entry = Object.hasOwn(auths, key) ? auths[key] : {};
    if (typeof entry !== 'object' || entry === null) {
      throw invalid(name, `auths has no object for ${hostOfAuthKey(key)}`);
    }
    const place = `${name}: auths of ${hostOfAuthKey(key)}`;
    const credential = credentialIn(entry as Record<string, unknown>, place);
    if (credential !== undefined) {
      return credential;
    }
  }
  return undefined;
}

function credentialIn(entry: Readonly<Record<string, unknown>>, place: string): Credential | undefined {
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

function parseDocument(json: string, name: string): Record<string, unknown> {
  if (json.trim() === '') {
    return {};
  }
  try {
    return record(JSON.parse(json.replace(/^\uFEFF/, '')), name, 'the document');
  } catch (error) {
    // What the parser says quotes the text, which holds passwords.
    throw error instanceof MabuildError ? error : invalid(name, 'it is not JSON');
  }
}

/** A field that is an object; absent and null are empty. */
export function record(value: unknown, name: string, field: string): Record<string, unknown> {
  if (value === undefined || value === null) {
    return {};
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(name, `${field} is not an object`);
  }
  return value as Record<string, unknown>;
}

/** A field that is an object of texts. */
export function texts(value: unknown, name: string, field: string): Record<string, string> {
  const fields = record(value, name, field);
  for (const [key, entry] of Object.entries(fields)) {
    text(entry, name, `${field}.${key}`);
  }
  return fields as Record<string, string>;
}

/** A field that is a text; absent, null and empty are the same. */
export function text(value: unknown, name: string, field: string): string | undefined {
  if (value === undefined || value === null || value === '') {
    return undefined;
  }
  if (typeof value !== 'string') {
    throw invalid(name, `${field} is not a text`);
  }
  return value;
}

function invalid(place: string, problem: string): MabuildError {
  return new MabuildError(`reading ${place}: ${problem}`, {
    code: 'DOCKER_CONFIG_INVALID',
    hint: `mend the ${/^DOCKER_AUTH_CONFIG\b/.test(place) ? 'variable' : 'file'}, or take it away`,
  });
}
