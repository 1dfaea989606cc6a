import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { findFault, type RegistryFault } from './fault.ts';
import { RegistryState, type StoredContent } from './state.ts';
import { type TestAuth, TestAuthority } from './test-authority.ts';

/** A request as the registry got it. */
export interface LoggedRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** 0 when the connection was cut instead. */
  status: number;
}

export interface TestRegistryOptions {
  /** @default none: everybody may do everything */
  readonly auth?: TestAuth | undefined;
  /** Things to go wrong; more can be pushed later. */
  readonly faults?: readonly RegistryFault[] | undefined;
  /** Whether blobs can be mounted across repositories. @default true */
  readonly mount?: boolean | undefined;
  /** Refuse manifests whose blobs are missing, as real registries do. @default true */
  readonly strict?: boolean | undefined;
}

/** A registry in this process: enough of the distribution-spec to push and pull, and able to fail on demand. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly requests: LoggedRequest[];
  /** Faults still to come; the first that matches a request is used up. */
  readonly faults: RegistryFault[];
  /** Upload ids that are begun and neither finished nor cancelled. */
  readonly openUploads: () => readonly string[];
  /** The digest that a tag points at. */
  tagOf(repository: string, tag: string): string | undefined;
  manifest(repository: string, name: string): StoredContent | undefined;
  blob(repository: string, digest: string): Buffer | undefined;
  addBlob(repository: string, bytes: Uint8Array): string;
  addManifest(repository: string, name: string, mediaType: string, bytes: Uint8Array): string;
  /** Makes every token given so far worthless, as time would. */
  expireTokens(): void;
  close(): Promise<void>;
}

/** Starts a registry on a free loopback port. */
export async function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const state = new RegistryState(options.strict ?? true);
  const authority = options.auth === undefined ? undefined : new TestAuthority(options.auth);
  const requests: LoggedRequest[] = [];
  const faults: RegistryFault[] = [...(options.faults ?? [])];
  const sockets = new Set<Socket>();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = request.url ?? '/';
    const method = request.method ?? 'GET';
    const entry: LoggedRequest = {
      method,
      url,
      headers: request.headers as Record<string, string>,
      status: 0,
    };
    requests.push(entry);
    response.once('finish', () => {
      entry.status = response.statusCode;
    });
    const fault = findFault(faults, method, url);
    if (fault?.delay !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, fault.delay));
    }
    if (fault?.hang === true) {
      return;
    }
    if (fault?.cutAfter !== undefined) {
      await cutAfter(request, fault.cutAfter);
      return;
    }
    if (fault?.status !== undefined) {
      request.resume();
      reply(response, fault.status, fault.headers ?? {}, fault.body ?? '');
      return;
    }
    const refusal = authority?.check(request, url);
    if (refusal !== undefined) {
      request.resume();
      reply(response, refusal.status, refusal.headers, refusal.body);
      return;
    }
    const path = new URL(url, 'http://registry');
    if (authority !== undefined && path.pathname === '/token') {
      const token = authority.token(
        request.headers.authorization,
        path.searchParams,
        await readBody(request),
      );
      reply(response, token.status, token.headers, token.body);
      return;
    }
    const answer = await state.answer(method, path, request, options.mount ?? true);
    if (fault?.cutAfterAnswer === true) {
      request.socket.destroy();
      return;
    }
    const cut = fault?.cutBodyAfter;
    if (cut !== undefined) {
      response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
      response.write(answer.body.subarray(0, cut), () => request.socket.destroy());
      return;
    }
    reply(response, answer.status, answer.headers, method === 'HEAD' ? '' : answer.body, answer.body.length);
  };

  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server);
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  authority?.servedAt(`http://${host}/token`);

  return {
    host,
    requests,
    faults,
    openUploads: () => state.openUploads(),
    tagOf: (repository, tag) => state.tagOf(repository, tag),
    manifest: (repository, name) => state.manifest(repository, name),
    blob: (repository, digest) => state.blob(repository, digest),
    addBlob: (repository, bytes) => state.addBlob(repository, bytes),
    addManifest: (repository, name, mediaType, bytes) =>
      state.addManifest(repository, name, mediaType, bytes),
    expireTokens: () => authority?.expire(),
    async close() {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}

/** Takes some bytes of the body, then cuts the connection. */
function cutAfter(request: IncomingMessage, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let taken = 0;
    const cut = (): void => {
      request.socket.destroy();
      resolve();
    };
    if (bytes === 0) {
      cut();
      return;
    }
    request.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken >= bytes) {
        cut();
      }
    });
    request.once('end', cut);
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function reply(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
  length: number = Buffer.byteLength(body),
): void {
  const hasLength = status !== 204;
  response.writeHead(status, { ...headers, ...(hasLength && { 'content-length': String(length) }) });
  response.end(body);
}
