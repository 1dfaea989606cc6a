import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createDelayLine, type Pace } from './delay-line.ts';

/** Certificates of a test registry: PEM texts. */
export interface TestTls {
  readonly cert: string;
  /** The key of `cert`. */
  readonly key: string;
  /** Who must have signed the certificate that a client shows. @default clients show none */
  readonly clientCa?: string | undefined;
}

/** A server on a free loopback port. */
export interface Listener {
  readonly port: number;
  /** Ends every connection, whatever is under way on it. */
  close(): Promise<void>;
}

export async function listen(
  handle: RequestListener,
  { tls, pace }: { readonly tls?: TestTls | undefined; readonly pace?: Pace | undefined },
): Promise<Listener> {
  const server: Server =
    tls === undefined
      ? createServer(handle)
      : createTlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            ...(tls.clientCa !== undefined && {
              ca: tls.clientCa,
              requestCert: true,
              rejectUnauthorized: true,
            }),
          },
          handle,
        );
  const inner = await begin(server);
  if (pace === undefined) {
    return inner;
  }
  const outer = await begin(createDelayLine(inner.port, pace));
  return {
    port: outer.port,
    async close() {
      await Promise.all([outer.close(), inner.close()]);
    },
  };
}

async function begin(server: Server): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}
