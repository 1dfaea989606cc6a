import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createSocketServer, type Socket } from 'node:net';

/** What a proxy does with one request instead of passing it on. */
export type Fault =
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Takes this many bytes of the body and closes the connection. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Reads the body and never answers. */
  | { readonly kind: 'stall' };

/** A registry in front of a registry. */
export interface FaultProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Every request so far, `PUT /v2/…` without queries. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Passes requests on to the registry at `target`, but for those that `fault` has something else for. */
export async function startFaultProxy(
  target: string,
  fault: (request: IncomingMessage) => Fault | undefined,
): Promise<FaultProxy> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url?.split('?')[0]}`);
    const wrong = fault(incoming);
    if (wrong === undefined) passOn(target, incoming, outgoing);
    else if (wrong.kind === 'answer') {
      incoming.resume();
      incoming.on('end', () => outgoing.writeHead(wrong.status, wrong.headers).end());
    } else if (wrong.kind === 'stall') incoming.resume();
    else {
      let seen = 0;
      incoming.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (seen >= wrong.afterBytes) incoming.socket.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function passOn(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  // The Host header stays ours, so that upload locations lead back through the proxy.
  const onward = request(
    `http://${target}${incoming.url}`,
    { method: incoming.method, headers: incoming.headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

/** A unix socket in front of an engine's, counting what goes to the engine. */
export interface CountingProxy {
  /** `unix://…` */
  readonly dockerHost: string;
  /** Bytes from client to engine so far. */
  sent(): number;
  close(): Promise<void>;
}

/** Counts bytes on the way to the engine at `dockerHost`, a `unix://` address. */
export async function startCountingProxy(dockerHost: string, socketPath: string): Promise<CountingProxy> {
  let bytes = 0;
  const open = new Set<Socket>();
  const server = createSocketServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: dockerHost.replace(/^unix:\/\//, ''), allowHalfOpen: true });
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => open.delete(socket));
    }
    client.on('data', (chunk) => {
      bytes += chunk.length;
    });
    client.pipe(engine);
    engine.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    dockerHost: `unix://${socketPath}`,
    sent: () => bytes,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
