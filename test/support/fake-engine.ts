import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { DockerClient } from '@mabuild/core';

/** A call that a {@link FakeEngine} got, its version prefix and query taken off. */
export interface FakeCall {
  /** e.g. `POST /containers/create`. */
  readonly route: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export interface FakeEngine {
  readonly client: DockerClient;
  readonly calls: readonly FakeCall[];
  close(): Promise<void>;
}

type Answer = (call: FakeCall, response: ServerResponse, socket: Socket) => unknown;

/**
 * An engine on a unix socket that answers as told, for faults that no real one shows on demand. A route without an answer
 * of its own gets 404; `/_ping` speaks API 1.41 unless told otherwise.
 *
 * @param answers by route, e.g. `POST /containers/{}/start`; ids are written `{}`
 */
export async function fakeEngine(answers: Readonly<Record<string, Answer | undefined>>): Promise<FakeEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'mabuild-fake-'));
  const path = join(directory, 'engine.sock');
  const calls: FakeCall[] = [];
  const all: Readonly<Record<string, Answer | undefined>> = {
    'GET /_ping': (_call, response) => response.writeHead(200, { 'Api-Version': '1.41' }).end('OK'),
    ...answers,
  };
  const callOf = async (request: IncomingMessage): Promise<FakeCall> => {
    const url = new URL(request.url ?? '/', 'http://engine');
    const route = `${request.method} ${url.pathname.replace(/^\/v[\d.]+/, '')}`;
    const body = request.headers['content-type'] === 'application/json' ? await json(request) : undefined;
    const call = { route, query: url.searchParams, body };
    calls.push(call);
    return call;
  };
  const answerOf = (route: string): Answer | undefined =>
    all[route] ?? all[route.replace(/(containers|images)\/[^/]+/, '$1/{}')];
  const server = createServer(async (request, response) => {
    const call = await callOf(request);
    const answer = answerOf(call.route);
    if (answer === undefined)
      response.writeHead(404).end(JSON.stringify({ message: `no answer for ${call.route}` }));
    else await answer(call, response, request.socket);
  });
  server.on('upgrade', async (request, socket: Socket) => {
    const call = await callOf(request);
    const answer = answerOf(call.route);
    socket.on('error', () => {});
    if (answer === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    await answer(call, undefined as never, socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new DockerClient({ address: { kind: 'socket', path }, endpoint: 'unix:///fake.sock' });
  await client.negotiate();
  return {
    client,
    calls,
    async close() {
      await client.close();
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
