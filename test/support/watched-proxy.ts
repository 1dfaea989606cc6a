import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How far what went through a proxy is. */
export interface Progress {
  /** Requests that came, with the one that is coming. */
  readonly requests: number;
  /** Bytes of bodies from client to registry. */
  readonly bytes: number;
}

export interface WatchedProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  close(): Promise<void>;
}

/** Passes everything on to the registry at `target`, and tells of every request and every piece of a body before. */
export async function startWatchedProxy(
  target: string,
  onProgress: (progress: Progress) => void,
): Promise<WatchedProxy> {
  let [requests, bytes] = [0, 0];
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    onProgress({ requests, bytes });
    // The Host header stays ours, so that upload locations lead back through the proxy.
    const { method, headers, url } = incoming;
    const onward = request(`http://${target}${url}`, { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      onProgress({ requests, bytes });
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
