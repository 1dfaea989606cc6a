import { BlockList, isIP } from 'node:net';
import { MabuildError } from '@mabuild/oci';
import { isLoopbackHost } from './host-name.ts';

/** Proxies to reach registries through, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` spell them for Go programs. */
export interface ProxyOptions {
  /** For http:// addresses: `http://[USER:PASSWORD@]HOST:PORT`, `https://…`, or `HOST:PORT`. */
  readonly http?: string | undefined;
  /** For https:// addresses, which the proxy only passes on: it sees no request. */
  readonly https?: string | undefined;
  /**
   * Comma-separated hosts to reach without a proxy: `example.com` (with what is below it), `.example.com` (only what is
   * below it), an address, a range as `10.0.0.0/8`, each but ranges also with `:PORT`, or `*` for all. `localhost` and
   * loopback addresses never go through a proxy.
   */
  readonly noProxy?: string | undefined;
}

/**
 * Tells the proxy for an address; `undefined`: none.
 * @throws MabuildError `INVALID_PROXY`, without the proxy's user and password.
 */
export type ProxyChoice = (url: URL) => URL | undefined;

/** What is wrong with a proxy is told when an address needs it: most registries may be reached without. */
export function proxyChoice(options: ProxyOptions = {}): ProxyChoice {
  const isExcepted = exceptions(options.noProxy ?? '');
  return (url) => {
    if (isLoopbackHost(url.hostname) || isExcepted(url)) {
      return undefined;
    }
    return url.protocol === 'https:'
      ? proxyAddress(options.https, 'https')
      : proxyAddress(options.http, 'http');
  };
}

function proxyAddress(text: string | undefined, kind: string): URL | undefined {
  const given = text?.trim() ?? '';
  if (given === '') {
    return undefined;
  }
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  if (!URL.canParse(address)) {
    throw invalidProxy(kind, 'is not a URL');
  }
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalidProxy(kind, `is of the kind ${url.protocol}//, which is not supported`);
  }
  try {
    decodeURIComponent(`${url.username}:${url.password}`);
  } catch {
    throw invalidProxy(
      kind,
      'has a user or password with a % that is not followed by two hexadecimal digits',
    );
  }
  return url;
}

function invalidProxy(kind: string, problem: string): MabuildError {
  return new MabuildError(`the proxy for ${kind}:// addresses ${problem}`, {
    code: 'INVALID_PROXY',
    hint: 'write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, special characters as %XX',
  });
}

/** Reads NO_PROXY as Go's httpproxy package does; what cannot be read excepts nothing. */
function exceptions(noProxy: string): (url: URL) => boolean {
  const tests = noProxy
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .map(exception);
  return (url) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    return tests.some((test) => test(host, port));
  };
}

type Exception = (host: string, port: string) => boolean;

function exception(entry: string): Exception {
  if (entry === '*') {
    return () => true;
  }
  const [, network = '', bits = ''] = /^([0-9a-f.:]+)\/(\d+)$/.exec(entry) ?? [];
  if (network !== '') {
    return within(network, Number(bits));
  }
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain ?? entry;
  const fits = (asked: string): boolean => port === undefined || port === asked;
  if (isIP(name) !== 0) {
    const isSame = within(name, isIP(name) === 4 ? 32 : 128);
    return (host, asked) => fits(asked) && isSame(host, asked);
  }
  const domain = name.replace(/^\*(?=\.)/, '').replace(/\.$/, '');
  if (domain === '') {
    return () => false;
  }
  return domain.startsWith('.')
    ? (host, asked) => fits(asked) && host.endsWith(domain)
    : (host, asked) => fits(asked) && (host === domain || host.endsWith(`.${domain}`));
}

function within(network: string, bits: number): Exception {
  const family = isIP(network);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) {
    return () => false;
  }
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return (host) => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6');
}
