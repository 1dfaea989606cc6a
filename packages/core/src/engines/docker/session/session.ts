import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type * as http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import type { CallOptions, Credential, CredentialSource } from '@mabuild/oci';
import type { AddedFile, BuildContext } from '../../../context/context.ts';
import type { BuildSecrets } from '../../build-secrets.ts';
import type { DockerClient } from '../client.ts';
import { fileSync, type SyncStats } from './file-sync.ts';
import { type GrpcHandler, serveCall } from './grpc.ts';
import { openNativeSession } from './native-session.ts';
import { bytesField, readFields, textOf, varintField } from './protobuf.ts';
import { secretHandlers } from './secrets.ts';
import { SharedContext, SharedDockerfiles } from './shared-folder.ts';

export interface SessionOptions extends CallOptions {
  readonly credentials: CredentialSource;
  /** For the mounts of RUN. @default none */
  readonly secrets?: BuildSecrets | undefined;
}

/** Since this API version gRPC is spoken on the engine's socket itself. */
const nativeSince = '1.53';

/**
 * What BuildKit asks of its client while it builds: files, credentials, and whether we are still there.
 *
 * One session serves all platforms of one context, so that it crosses once. Holds a connection: close it.
 */
export class BuildSession {
  readonly id: string = randomBytes(16).toString('hex');
  readonly secrets: BuildSecrets | undefined;
  readonly stats: SyncStats = { files: 0, bytes: 0 };
  readonly #context: SharedContext;
  readonly #dockerfiles = new SharedDockerfiles();
  readonly #key: string;
  readonly #credentials: CredentialSource;
  readonly #closing = new AbortController();
  readonly #lost = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  #server: http2.ServerHttp2Session | undefined;
  #socket: Duplex | undefined;

  constructor(context: BuildContext, options: SessionOptions) {
    setMaxListeners(0, this.#closing.signal, this.#lost.signal);
    this.#context = new SharedContext(context, this.#closing.signal);
    this.#key = context.key ?? this.id;
    this.#credentials = options.credentials;
    this.secrets = options.secrets;
  }

  /** Adds one build's files and Dockerfile; `false` when it needs a session of its own. */
  add(files: readonly AddedFile[], dockerfile: { readonly name: string; readonly text: string }): boolean {
    if (!this.#context.add(files)) return false;
    this.#dockerfiles.add(dockerfile.name, dockerfile.text);
    return true;
  }

  /** Aborted when the engine ends the session: what it asks for afterwards, it asks in vain. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Why the context, a credential or a secret could not be read, when one could not. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Connects to the engine and begins to answer. @throws MabuildError `ENGINE_REFUSED`, `ENGINE_UNREACHABLE` */
  async open(client: DockerClient): Promise<void> {
    // Few builds need it, and it takes long to load.
    const { performServerHandshake } = await import('node:http2');
    const handlers = this.#handlers();
    const { signal } = this.#closing;
    const socket = await connect(client, this.#headers([...handlers.keys()]), { signal });
    this.#socket = socket;
    const server = performServerHandshake(socket, { settings: { maxConcurrentStreams: 1000 } });
    this.#server = server;
    for (const connection of [server, socket]) {
      connection.on('error', () => {
        // A connection that breaks is closed, too.
      });
      connection.once('close', () => {
        if (!signal.aborted) this.#lost.abort();
      });
    }
    // Node hands the raw headers over as a fourth argument.
    const answer = (
      stream: http2.ServerHttp2Stream,
      headers: http2.IncomingHttpHeaders,
      ...rest: unknown[]
    ): void => serveCall(stream, headers, (rest[1] ?? []) as readonly string[], handlers);
    server.on('stream', answer);
  }

  close(): void {
    this.#closing.abort(new Error('the build session was closed'));
    this.#server?.destroy();
    this.#socket?.destroy();
  }

  #headers(methods: readonly string[]): Record<string, string | readonly string[]> {
    return {
      'X-Docker-Expose-Session-Uuid': this.id,
      'X-Docker-Expose-Session-Name': 'mabuild',
      'X-Docker-Expose-Session-Sharedkey': this.#key,
      'X-Docker-Expose-Session-Grpc-Method': methods,
    };
  }

  #handlers(): ReadonlyMap<string, GrpcHandler> {
    const folders = new Map<string, SharedContext | SharedDockerfiles>([
      ['context', this.#context],
      ['dockerfile', this.#dockerfiles],
    ]);
    const onFailure = (error: unknown): void => {
      this.#failure ??= { error };
    };
    return new Map<string, GrpcHandler>([
      ['/grpc.health.v1.Health/Check', healthCheck],
      // GetTokenAuthority stays unimplemented: BuildKit then asks for credentials.
      [
        '/moby.filesync.v1.Auth/Credentials',
        credentialsFor(this.#credentials, this.#closing.signal, onFailure),
      ],
      ['/moby.filesync.v1.FileSync/DiffCopy', fileSync(folders, this.stats, onFailure)],
      ...(this.secrets ? secretHandlers(this.secrets, onFailure) : []),
    ]);
  }
}

async function connect(
  client: DockerClient,
  headers: Readonly<Record<string, string | readonly string[]>>,
  options: CallOptions,
): Promise<Duplex> {
  if (client.atLeast(nativeSince)) {
    try {
      return await openNativeSession(client, headers, options);
    } catch {
      options.signal?.throwIfAborted();
      // Older engines that say so all the same, and proxies that speak HTTP/1 only.
    }
  }
  return client.upgrade('/session', { Upgrade: 'h2c', ...mutable(headers) }, options);
}

function mutable(
  headers: Readonly<Record<string, string | readonly string[]>>,
): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

/** Engines ask every few seconds, and the first failure ends the session. */
const healthCheck: GrpcHandler = async (call) => {
  for await (const _ of call.messages());
  const serving = 1;
  await call.send(varintField(1, serving));
};

function credentialsFor(
  credentials: CredentialSource,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): GrpcHandler {
  return async (call) => {
    let host = '';
    for await (const message of call.messages()) {
      for (const field of readFields(message)) if (field.number === 1) host = textOf(field);
    }
    let credential: Credential | undefined;
    try {
      credential = await credentials.credentialFor(registryOf(host), { signal });
    } catch (error) {
      onFailure(error);
      throw error;
    }
    await call.send(credentialMessage(credential));
  };
}

/** Docker Hub goes by several names. */
function registryOf(host: string): string {
  const name = host.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return name === 'registry-1.docker.io' || name === 'index.docker.io' ? 'docker.io' : name;
}

/** User name and secret; a token comes as a secret without a name. Nothing means anonymous. */
function credentialMessage(credential: Credential | undefined): Buffer {
  if (!credential) return Buffer.alloc(0);
  if (credential.kind !== 'basic') return bytesField(2, credential.token);
  return Buffer.concat([bytesField(1, credential.username), bytesField(2, credential.password)]);
}
