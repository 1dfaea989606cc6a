import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { ProxyChoice } from './proxy-choice.ts';
import type { HostTls } from './tls-settings.ts';

/** The keep-alive connections of one registry client, with TLS settings per host. */
export interface Agents {
  /** The agent for an address. */
  for(url: URL): Promise<HttpAgent>;
  /** The proxy on the way to an address. */
  proxyOf(url: URL): URL | undefined;
  /** Ends idle connections. */
  close(): void;
}

export interface AgentsOptions {
  /** Settings of `host[:port]`; asked once, when it is first talked to over TLS. */
  readonly tlsOf: (host: string) => Promise<HostTls | undefined>;
  readonly proxyOf: ProxyChoice;
  /** Milliseconds for a connection to come about. */
  readonly connectTimeout: number;
}

export function createAgents({ tlsOf, proxyOf, connectTimeout }: AgentsOptions): Agents {
  const agents = new Map<string, HttpAgent>();
  const settings = new Map<string, Promise<HostTls | undefined>>();

  const make = async (
    secure: boolean,
    tls: HostTls | undefined,
    proxy: URL | undefined,
  ): Promise<HttpAgent> => {
    if (proxy !== undefined) {
      const { forwardingAgent, tunnelingAgent } = await import('./proxy-agents.ts');
      return (secure ? tunnelingAgent : forwardingAgent)({ proxy, tls, timeout: connectTimeout });
    }
    const agent = secure ? new HttpsAgent({ keepAlive: true, ...tls }) : new HttpAgent({ keepAlive: true });
    return limitConnecting(agent, connectTimeout);
  };

  return {
    async for(url) {
      const secure = url.protocol === 'https:';
      const pending = secure ? (settings.get(url.host) ?? tlsOf(url.host)) : undefined;
      if (pending !== undefined) {
        settings.set(url.host, pending);
      }
      const tls = await pending;
      const proxy = proxyOf(url);
      // Connections to hosts without settings of their own are kept together.
      const key = `${tls === undefined ? url.protocol : url.host} ${proxy === undefined ? '' : 'proxy'}`;
      const known = agents.get(key);
      if (known !== undefined) {
        return known;
      }
      const made = await make(secure, tls, proxy);
      const agent = agents.get(key) ?? made;
      agents.set(key, agent);
      return agent;
    },
    proxyOf,
    close() {
      for (const agent of agents.values()) {
        agent.destroy();
      }
      agents.clear();
    },
  };
}

/** Gives up on a connection that does not come about; otherwise the system waits for minutes. */
function limitConnecting(agent: HttpAgent, timeout: number): HttpAgent {
  const connecting = agent as HttpAgent & { createConnection: (...args: unknown[]) => Socket };
  const connect = connecting.createConnection.bind(agent);
  connecting.createConnection = (...args) => {
    const socket = connect(...args);
    const giveUp = (): void => {
      socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    };
    const timer = setTimeout(giveUp, timeout);
    const stop = (): void => clearTimeout(timer);
    socket.once(agent instanceof HttpsAgent ? 'secureConnect' : 'connect', stop).once('close', stop);
    return socket;
  };
  return agent;
}
