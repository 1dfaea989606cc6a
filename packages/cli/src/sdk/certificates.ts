import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { apiHost, type CertificateSource } from '@mabuild/registry';
import type { RegistryConfig } from '../config.ts';
import { dockerConfigDirectory, type Environment } from './environment.ts';
import { systemAuthorities } from './system-authorities.ts';

type Registries = Readonly<Record<string, RegistryConfig>>;
type Place = Pick<Environment, 'variables' | 'homeDirectory' | 'workingDirectory'>;

/**
 * The certificates of the configuration and of certs.d; nothing is read before a host is first talked to.
 *
 * Authorities of both are trusted; the configuration's client certificate counts more.
 * @param folders default {@link certificateFolders}
 */
export function certificateSource(
  registries: Registries | undefined,
  place: Place,
  folders: readonly string[] = certificateFolders(place),
): CertificateSource {
  return {
    async certificatesFor(host) {
      const config = configOf(registries ?? {}, host);
      const [configured, found] = await Promise.all([
        config && readConfigured(config, host, place.workingDirectory),
        readFolders(folders, host),
      ]);
      const ca = [...(configured?.ca ?? []), ...(found?.ca ?? [])];
      const client = configured?.cert === undefined ? found : configured;
      if (ca.length === 0 && client?.cert === undefined) return undefined;
      return { ca: [...ca, ...(await extraAuthorities(place))], cert: client?.cert, key: client?.key };
    },
    moreAuthorities: () => systemAuthorities(place),
  };
}

/** Where podman and docker keep certificates per host, the user's before the machine's. */
export function certificateFolders(
  place: Pick<Environment, 'variables' | 'homeDirectory'>,
): readonly string[] {
  const { variables, homeDirectory } = place;
  return [
    join(variables.XDG_CONFIG_HOME || join(homeDirectory, '.config'), 'containers/certs.d'),
    join(dockerConfigDirectory({ variables, homeDirectory }), 'certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
}

interface Found {
  readonly ca: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

function configOf(registries: Registries, host: string): RegistryConfig | undefined {
  const wanted = plainHost(host);
  return Object.entries(registries).find(([name]) => plainHost(name) === wanted)?.[1];
}

/** Names of one host are compared as addresses are: in lower case, without the port of https. */
function plainHost(host: string): string {
  return apiHost(host).toLowerCase().replace(/:443$/, '');
}

async function readConfigured(config: RegistryConfig, host: string, directory: string): Promise<Found> {
  const { ca, cert, key } = config;
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    throw new MabuildError(`registries of the configuration: ${host} has ${there} and no ${missing}`, {
      code: 'CERTIFICATES_INVALID',
      hint: 'cert and key belong together: the certificate and its key, as PEM files',
    });
  }
  return {
    ca: ca === undefined ? [] : [await readPem(resolve(directory, ca), 'CERTIFICATE')],
    ...(cert !== undefined && { cert: await readPem(resolve(directory, cert), 'CERTIFICATE') }),
    ...(key !== undefined && { key: await readPem(resolve(directory, key), 'PRIVATE KEY') }),
  };
}

/** The first folder that there is for a host, as podman takes it. */
async function readFolders(folders: readonly string[], host: string): Promise<Found | undefined> {
  const names = [
    host,
    ...(/:\d+$/.test(host) ? [] : [`${host}:443`]),
    ...(apiHost(host) === host ? [] : [apiHost(host)]),
  ];
  for (const folder of folders) {
    for (const name of names) {
      const directory = join(folder, name);
      const files = await filesOf(directory);
      if (files) return readFolder(directory, files);
    }
  }
  return undefined;
}

/** `undefined` for a folder that there is not, or that only others may read. */
async function filesOf(directory: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw unreadable(directory, error);
  }
}

/** `*.crt` are authorities; `NAME.cert` and `NAME.key` are a client's, of which the first counts. */
async function readFolder(directory: string, files: readonly string[]): Promise<Found> {
  for (const file of files) {
    const other = file.replace(/\.(cert|key)$/, (end) => (end === '.cert' ? '.key' : '.cert'));
    if (other === file || files.includes(other)) continue;
    throw new MabuildError(`reading ${directory}: there is ${file} and no ${other}`, {
      code: 'CERTIFICATES_INVALID',
      hint: file.endsWith('.cert')
        ? 'a client certificate needs its key beside it; certificate authorities are named *.crt'
        : 'a key needs its client certificate beside it',
    });
  }
  const authorities = files.filter((file) => file.endsWith('.crt'));
  const client = files.find((file) => file.endsWith('.cert'));
  const key = client?.replace(/\.cert$/, '.key');
  return {
    ca: await Promise.all(authorities.map((file) => readPem(join(directory, file), 'CERTIFICATE'))),
    ...(client !== undefined && { cert: await readPem(join(directory, client), 'CERTIFICATE') }),
    ...(key !== undefined && { key: await readPem(join(directory, key), 'PRIVATE KEY') }),
  };
}

/** Node.js leaves these out where it is told of others; it has warned of a file that it cannot read. */
async function extraAuthorities({ variables }: Pick<Environment, 'variables'>): Promise<readonly string[]> {
  const file = variables.NODE_EXTRA_CA_CERTS;
  return file
    ? readFile(file, 'utf8').then(
        (text) => (isPem(text, 'CERTIFICATE') ? [text] : []),
        () => [],
      )
    : [];
}

function isPem(text: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): boolean {
  return new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text);
}

async function readPem(file: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
  if (isPem(text, kind)) return text;
  const what = kind === 'CERTIFICATE' ? 'certificate' : 'private key';
  throw new MabuildError(`reading ${file}: it holds no ${what} in PEM`, {
    code: 'CERTIFICATES_INVALID',
    hint: `PEM files begin with -----BEGIN ${kind}-----; openssl makes them of others`,
  });
}

function unreadable(file: string, error: unknown): MabuildError {
  const { code } = error as NodeJS.ErrnoException;
  const words = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
  return new MabuildError(`reading ${file}: ${words}`, {
    code: 'CERTIFICATES_INVALID',
    hint: 'check its name, and who may read it',
    cause: error,
  });
}
