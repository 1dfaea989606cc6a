import { createAgents } from './agents.ts';
import { apiHost } from './host-name.ts';
import type { FetchLike } from './http-message.ts';
import { type ProxyOptions, proxyChoice } from './proxy-choice.ts';
import { type TimeoutOptions, timeoutsOf } from './timeouts.ts';
import { type CertificateSource, createTlsSettings, type TlsOptions } from './tls-settings.ts';
import { Transport } from './transport.ts';

/** How hosts are connected to. Every host key is `HOST` or `HOST:PORT` as references spell it, e.g. `docker.io`. */
export interface ConnectionOptions {
  /** Hosts whose certificate is not checked, and that may speak plain http. Loopback hosts may anyway. */
  readonly insecure?: readonly string[] | undefined;
  /** Certificates per host. */
  readonly tls?: Readonly<Record<string, TlsOptions>> | undefined;
  /** More certificates, looked for when a host is first talked to. @default none */
  readonly certificates?: CertificateSource | undefined;
  /** @default none: every host is reached directly */
  readonly proxies?: ProxyOptions | undefined;
  readonly timeouts?: TimeoutOptions | undefined;
  /** @default 'mabuild' */
  readonly userAgent?: string | undefined;
  /** Sends API calls; blob bodies go through `node:http` with the same connections. @default node-fetch */
  readonly fetch?: FetchLike | undefined;
}

export function openTransport(options: ConnectionOptions): Transport {
  const timeouts = timeoutsOf(options.timeouts);
  const insecure = new Set(options.insecure?.map(urlHost));
  const tls = new Map(Object.entries(options.tls ?? {}).map(([host, value]) => [urlHost(host), value]));
  const agents = createAgents({
    settings: createTlsSettings({ insecure, given: tls, certificates: options.certificates }),
    proxyOf: proxyChoice(options.proxies),
    connectTimeout: timeouts.connect,
  });
  return new Transport({ agents, timeouts, userAgent: options.userAgent ?? 'mabuild', fetch: options.fetch });
}

/** A host as URLs spell it: in lower case, without the port of https. */
function urlHost(host: string): string {
  const address = `https://${apiHost(host)}`;
  return URL.canParse(address) ? new URL(address).host : host;
}
