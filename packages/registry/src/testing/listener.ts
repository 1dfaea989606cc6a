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
  /** Ends every connection, refuses new ones for so many milliseconds, and goes on at the same port. */
  restart(milliseconds: number): Promise<void>;
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
    restart: (milliseconds) => outer.restart(milliseconds),
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
  const open = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const end = async (): Promise<void> => {
    const ended = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) {
      socket.destroy();
    }
    await ended;
  };
  await open(0);
  const { port } = server.address() as AddressInfo;
  let closed = false;
  return {
    port,
    async restart(milliseconds) {
      await end();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      if (!closed) {
        await open(port);
      }
    },
    async close() {
      closed = true;
      await end();
    },
  };
}
