import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { rootCertificates } from 'node:tls';

/** How TLS is spoken with one host: PEM texts. */
export interface TlsOptions {
  /** Certificates to trust besides the system's. */
  readonly ca?: string | undefined;
  /** The client's certificate, when the host asks for one. */
  readonly cert?: string | undefined;
  /** The key of `cert`. */
  readonly key?: string | undefined;
}

/** Milliseconds for a connection to come about. */
const connectTimeout = 20_000;

/** The keep-alive connections of one registry client, with TLS settings per host. */
export interface Agents {
  /** The agent for an address. */
  for(url: URL): HttpAgent;
  /** Ends idle connections. */
  close(): void;
}

/** @param tlsOf settings for `host[:port]`; `insecure` takes any certificate. */
export function createAgents(
  tlsOf: (host: string) => (TlsOptions & { insecure: boolean }) | undefined,
): Agents {
  const agents = new Map<string, HttpAgent>();
  const agentFor = (key: string, make: () => HttpAgent): HttpAgent => {
    const agent = agents.get(key) ?? limitConnecting(make());
    agents.set(key, agent);
    return agent;
  };
  return {
    for(url) {
      if (url.protocol === 'http:') {
        return agentFor('http', () => new HttpAgent({ keepAlive: true }));
      }
      const tls = tlsOf(url.host);
      if (tls === undefined) {
        return agentFor('https', () => new HttpsAgent({ keepAlive: true }));
      }
      const { insecure, ca, cert, key } = tls;
      return agentFor(url.host, () => {
        return new HttpsAgent({
          keepAlive: true,
          rejectUnauthorized: !insecure,
          ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
          ...(cert !== undefined && { cert }),
          ...(key !== undefined && { key }),
        });
      });
    },
    close() {
      for (const agent of agents.values()) {
        agent.destroy();
      }
      agents.clear();
    },
  };
}

/** Gives up on a connection that does not come about; otherwise the system waits for minutes. */
function limitConnecting(agent: HttpAgent): HttpAgent {
  const connecting = agent as HttpAgent & { createConnection: (...args: unknown[]) => Socket };
  const connect = connecting.createConnection.bind(agent);
  connecting.createConnection = (...args) => {
    const socket = connect(...args);
    const giveUp = (): void => {
      socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    };
    const timer = setTimeout(giveUp, connectTimeout);
    const stop = (): void => clearTimeout(timer);
    socket.once(agent instanceof HttpsAgent ? 'secureConnect' : 'connect', stop).once('close', stop);
    return socket;
  };
  return agent;
}
