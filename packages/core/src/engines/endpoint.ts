import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import type { EngineAddress, TlsMaterial } from './docker/address.ts';

/** The part of the world that decides which engine is used; nothing else is looked at. */
export interface EndpointRequest {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  /** `process.platform`. */
  readonly platform: string;
  /** Docker's config folder, and `currentContext` of its config.json. @default `~/.docker`, no context */
  readonly dockerConfig?:
    | { readonly directory: string; readonly currentContext?: string | undefined }
    | undefined;
  /** An endpoint or a docker context that the user named for this call: `tcp://board:2375`, `desktop-linux`. */
  readonly endpoint?: string | undefined;
}

/** A place where an engine may answer. */
export interface EngineCandidate {
  readonly address: EngineAddress;
  /** As shown to people, without credentials: `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
  /** Why it is tried: `DOCKER_HOST`, `context desktop-linux`, `default socket`, … */
  readonly foundBy: string;
}

/** Where to look. A named endpoint is the only one: when it is dead, that is an error and no reason to take another. */
export type EngineCandidates =
  | { readonly named: true; readonly candidates: readonly [EngineCandidate] }
  | { readonly named: false; readonly candidates: readonly EngineCandidate[] };

/**
 * Lists the endpoints to try, in docker's order: DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket,
 * rootless sockets, podman's.
 *
 * @throws MabuildError `INVALID_ENDPOINT`, `CONTEXT_NOT_FOUND`, `TLS_FILES_MISSING`.
 */
export async function engineCandidates(request: EndpointRequest): Promise<EngineCandidates> {
  const { environment } = request;
  const named = await namedEndpoint(request);
  if (named !== undefined) return { named: true, candidates: [named] };
  const runtime = environment.XDG_RUNTIME_DIR;
  const home = request.homeDirectory;
  if (request.platform === 'win32')
    return {
      named: false,
      candidates: [
        pipe('docker_engine', 'default named pipe'),
        pipe('dockerDesktopLinuxEngine', 'Docker Desktop'),
        pipe('podman-machine-default', 'podman'),
      ],
    };
  return {
    named: false,
    candidates: [
      socket('/var/run/docker.sock', 'default socket'),
      ...(runtime ? [socket(join(runtime, 'docker.sock'), 'rootless docker')] : []),
      socket(join(home, '.docker/run/docker.sock'), 'rootless docker'),
      socket(join(home, '.docker/desktop/docker.sock'), 'Docker Desktop'),
      ...(runtime ? [socket(join(runtime, 'podman/podman.sock'), 'rootless podman')] : []),
      socket('/run/podman/podman.sock', 'podman'),
    ],
  };
}

async function namedEndpoint(request: EndpointRequest): Promise<EngineCandidate | undefined> {
  const { environment, endpoint } = request;
  if (endpoint) {
    if (/^[a-z]+:\/\//i.test(endpoint)) return await fromHost(endpoint, 'the named endpoint', request);
    if (endpoint !== 'default') return await fromContext(endpoint, `context ${endpoint}`, request);
  }
  if (environment.DOCKER_HOST) return await fromHost(environment.DOCKER_HOST, 'DOCKER_HOST', request);
  if (environment.DOCKER_CONTEXT) {
    const name = environment.DOCKER_CONTEXT;
    // `default` is docker's word for "no context", not the name of one.
    return name === 'default' ? undefined : await fromContext(name, `DOCKER_CONTEXT ${name}`, request);
  }
  const current = request.dockerConfig?.currentContext;
  return current && current !== 'default'
    ? await fromContext(current, `context ${current}`, request)
    : undefined;
}

async function fromHost(host: string, foundBy: string, request: EndpointRequest): Promise<EngineCandidate> {
  const { environment } = request;
  const { secure, ...parsed } = parseHost(host, foundBy);
  const wanted = Boolean(environment.DOCKER_TLS_VERIFY || environment.DOCKER_TLS) || secure;
  if (parsed.address.kind === 'socket' || !wanted) return { ...parsed, foundBy };
  const named = environment.DOCKER_CERT_PATH;
  const directory = named || configDirectory(request);
  const files = await readTls(directory);
  if (named && files === undefined)
    throw new MabuildError(
      `DOCKER_CERT_PATH names ${directory}, which has none of ca.pem, cert.pem and key.pem`,
      {
        code: 'TLS_FILES_MISSING',
        hint: 'put the certificates there, or unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH',
      },
    );
  const verify = Boolean(environment.DOCKER_TLS_VERIFY) || !environment.DOCKER_TLS;
  return { ...parsed, foundBy, address: { ...parsed.address, tls: { ...files, verify } } };
}

interface ContextMeta {
  readonly Name?: string;
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

async function fromContext(
  name: string,
  foundBy: string,
  request: EndpointRequest,
): Promise<EngineCandidate> {
  const contexts = join(configDirectory(request), 'contexts');
  const id = createHash('sha256').update(name).digest('hex');
  let meta: ContextMeta;
  try {
    meta = JSON.parse(await readFile(join(contexts, 'meta', id, 'meta.json'), 'utf8')) as ContextMeta;
  } catch (cause) {
    throw new MabuildError(`${foundBy}: there is no readable docker context '${name}' under ${contexts}`, {
      code: 'CONTEXT_NOT_FOUND',
      hint: '`docker context ls` lists the contexts; `docker context use default` leaves them',
      cause,
    });
  }
  const endpoint = meta.Endpoints?.docker;
  if (!endpoint?.Host)
    throw new MabuildError(`${foundBy}: the docker context '${name}' names no Docker endpoint`, {
      code: 'CONTEXT_NOT_FOUND',
      hint: '`docker context inspect` shows what it holds',
    });
  const { secure, ...parsed } = parseHost(endpoint.Host, foundBy);
  if (parsed.address.kind === 'socket') return { ...parsed, foundBy };
  const files = await readTls(join(contexts, 'tls', id, 'docker'));
  if (files === undefined && !secure && !endpoint.SkipTLSVerify) return { ...parsed, foundBy };
  return {
    ...parsed,
    foundBy,
    address: { ...parsed.address, tls: { ...files, verify: !endpoint.SkipTLSVerify } },
  };
}

/** Reads what DOCKER_HOST may say; TLS files are not its business. */
function parseHost(
  host: string,
  foundBy: string,
): { readonly address: EngineAddress; readonly endpoint: string; readonly secure: boolean } {
  const fail = (why: string, hint: string, code = 'INVALID_ENDPOINT'): never => {
    // Without what may be a user name and a password.
    const shown = host.replace(/\/\/[^/@]*@/, '//');
    throw new MabuildError(`${foundBy} says '${shown}': ${why}`, { code, hint });
  };
  const forms = 'write unix:///PATH, tcp://HOST:PORT or npipe:////./pipe/NAME';
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(host)?.[1]?.toLowerCase();
  const rest = scheme === undefined ? host : host.slice(scheme.length + 3);
  if (scheme === 'unix' || (scheme === undefined && host.startsWith('/'))) {
    if (rest === '') fail('the path of the socket is missing', forms);
    return { address: { kind: 'socket', path: rest }, endpoint: `unix://${rest}`, secure: false };
  }
  if (scheme === 'npipe') {
    if (rest === '') fail('the name of the pipe is missing', forms);
    return {
      address: { kind: 'socket', path: rest.replaceAll('/', '\\') },
      endpoint: `npipe://${rest}`,
      secure: false,
    };
  }
  if (scheme === 'ssh')
    fail(
      'mabuild does not open ssh connections itself',
      'forward the socket, `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///tmp/engine.sock',
      'ENDPOINT_NOT_SUPPORTED',
    );
  if (scheme !== undefined && !['tcp', 'http', 'https'].includes(scheme))
    fail('this kind of endpoint is not known', forms);
  let url: URL;
  try {
    url = new URL(`http://${rest}`);
  } catch {
    return fail('this is no host and port', forms);
  }
  if (url.hostname === '' || (url.pathname !== '/' && url.pathname !== ''))
    fail('this is no host and port', forms);
  const secure = scheme === 'https';
  // URL drops the port of plain http, which is 80.
  const port = url.port === '' ? (/:80\/?$/.test(rest) ? 80 : secure ? 2376 : 2375) : Number(url.port);
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return {
    address: { kind: 'tcp', host: name, port },
    endpoint: `tcp://${name.includes(':') ? `[${name}]` : name}:${port}`,
    secure,
  };
}

async function readTls(directory: string): Promise<TlsMaterial | undefined> {
  const read = (name: string): Promise<Uint8Array | undefined> =>
    readFile(join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw new MabuildError(
        `cannot read the engine's certificate file ${join(directory, name)}: ${error.code ?? error.message}`,
        {
          code: 'TLS_FILES_MISSING',
          hint: 'check its permissions',
          cause: error,
        },
      );
    });
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  return ca === undefined && cert === undefined && key === undefined ? undefined : { ca, cert, key };
}

function configDirectory(request: EndpointRequest): string {
  return (
    request.dockerConfig?.directory ??
    (request.environment.DOCKER_CONFIG || join(request.homeDirectory, '.docker'))
  );
}

function socket(path: string, foundBy: string): EngineCandidate {
  return { address: { kind: 'socket', path }, endpoint: `unix://${path}`, foundBy };
}

function pipe(name: string, foundBy: string): EngineCandidate {
  return {
    address: { kind: 'socket', path: `\\\\.\\pipe\\${name}` },
    endpoint: `npipe:////./pipe/${name}`,
    foundBy,
  };
}
