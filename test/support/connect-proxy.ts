import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import type { KeyPair } from './certificates.ts';

export interface ConnectProxyOptions {
  /** Names that only the proxy knows, e.g. `registry.test:5000`, and the `HOST:PORT` that they stand for. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** `USER:PASSWORD` that callers must give. */
  readonly user?: string;
  /** What every CONNECT is answered with, and `body`. @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes connections and says nothing. */
  readonly silent?: boolean;
  readonly tls?: KeyPair;
}

/** A proxy as HTTP_PROXY names one: it forwards whole addresses and opens tunnels. */
export interface ConnectProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `CONNECT registry.test:443`, `GET http://registry.test/v2/`, without queries. */
  readonly requests: readonly string[];
  /** Every header of every request, as text. */
  readonly headers: readonly string[];
  close(): Promise<void>;
}

export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const { hosts = {}, user, status = 200, tls } = options;
  const requests: string[] = [];
  const headers: string[] = [];
  const sockets = new Set<Socket>();
  const authority = user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`;
  const note = ({ method, url, rawHeaders }: IncomingMessage): void => {
    requests.push(`${method} ${url?.split('?')[0]}`);
    headers.push(rawHeaders.join('\n'));
  };
  const isAllowed = (incoming: IncomingMessage): boolean =>
    authority === undefined || incoming.headers['proxy-authorization'] === authority;

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    note(incoming);
    if (!isAllowed(incoming)) {
      incoming.resume();
      outgoing.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
      return;
    }
    const url = new URL(incoming.url ?? '');
    const [host = '', port = '80'] = (hosts[url.host] ?? url.host).split(':');
    const { 'proxy-authorization': _, ...rest } = incoming.headers;
    const onward = request(
      { host, port, method: incoming.method, path: `${url.pathname}${url.search}`, headers: rest },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  };

  const server = (tls === undefined ? createServer(forward) : createTlsServer(tls, forward)) as Server;
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    note(incoming);
    socket.on('error', () => socket.destroy());
    if (options.silent === true) return;
    const code = isAllowed(incoming) ? status : 407;
    if (code !== 200) {
      const lines = Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${code} No\r\n${lines.join('')}content-length: 0\r\n\r\n`);
      return;
    }
    const [host = '', port = ''] = (hosts[incoming.url ?? ''] ?? incoming.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
