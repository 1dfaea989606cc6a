import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { ProxyChoice } from './proxy-choice.ts';
import type { HostTls, TlsSettings } from './tls-settings.ts';

/** The keep-alive connections of one registry client, with TLS settings per host. */
export interface Agents {
  /** The agent for an address. */
  for(url: URL): Promise<HttpAgent>;
  /** The proxy on the way to an address. */
  proxyOf(url: URL): URL | undefined;
  /** @see TlsSettings.trustMore */
  trustMore(url: URL): Promise<boolean>;
  /** Ends idle connections. */
  close(): void;
}

export interface AgentsOptions {
  readonly settings: TlsSettings;
  readonly proxyOf: ProxyChoice;
  /** Milliseconds for a connection to come about. */
  readonly connectTimeout: number;
}

/** Milliseconds until the next address of a host is tried; the quarter of a second of Node.js is short for far hosts. */
const addressTimeout = 1_000;

export function createAgents({ settings, proxyOf, connectTimeout }: AgentsOptions): Agents {
  // Connections to hosts without settings of their own are kept together, by scheme.
  const direct = new Map<HostTls | string, HttpAgent>();
  const proxied = new Map<HostTls | string, HttpAgent>();

  const make = async (
    secure: boolean,
    tls: HostTls | undefined,
    proxy: URL | undefined,
  ): Promise<HttpAgent> => {
    if (proxy !== undefined) {
      const { forwardingAgent, tunnelingAgent } = await import('./proxy-agents.ts');
      return (secure ? tunnelingAgent : forwardingAgent)({ proxy, tls, timeout: connectTimeout });
    }
    const options = { keepAlive: true, autoSelectFamilyAttemptTimeout: addressTimeout };
    const agent = secure ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
    return limitConnecting(agent, connectTimeout);
  };

  return {
    async for(url) {
      const secure = url.protocol === 'https:';
      const tls = secure ? await settings.of(url.host) : undefined;
      const proxy = proxyOf(url);
      const agents = proxy === undefined ? direct : proxied;
      const key = tls ?? url.protocol;
      const agent = agents.get(key) ?? (await make(secure, tls, proxy));
      // A request beside this one may have made the same meanwhile.
      const first = agents.get(key) ?? agent;
      agents.set(key, first);
      return first;
    },
    proxyOf,
    trustMore: (url) => settings.trustMore(url.host),
    close() {
      for (const agent of [...direct.values(), ...proxied.values()]) {
        agent.destroy();
      }
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
