import type { Agent, ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { ConnectionFault } from './connection-fault.ts';
import type { HostTls } from './tls-settings.ts';

export interface ProxyAgentOptions {
  readonly proxy: URL;
  /** Milliseconds for a connection to come about. */
  readonly timeout: number;
  /** How TLS is spoken with the host behind the proxy. */
  readonly tls?: HostTls | undefined;
}

/** Keep-alive connections to http:// hosts: the proxy is asked for whole addresses (RFC 9112, "absolute-form"). */
export function forwardingAgent(options: ProxyAgentOptions): Agent {
  return new ForwardingAgent(options);
}

/** Keep-alive connections to https:// hosts: the proxy passes bytes on (RFC 9110, "CONNECT"). */
export function tunnelingAgent(options: ProxyAgentOptions): Agent {
  return new TunnelingAgent(options);
}

class ForwardingAgent extends HttpProxyAgent<string> {
  readonly #timeout: number;

  constructor({ proxy, timeout }: ProxyAgentOptions) {
    super(withoutUser(proxy), { keepAlive: true, headers: proxyHeaders(proxy) });
    this.#timeout = timeout;
  }

  override connect(...[request, options]: Parameters<HttpProxyAgent<string>['connect']>): Promise<Socket> {
    return within(this.#timeout, async (signal) => {
      this.connectOpts = { ...this.connectOpts, signal };
      try {
        return await super.connect(request, options);
      } catch (error) {
        throw ofProxy(error);
      }
    });
  }
}

class TunnelingAgent extends HttpsProxyAgent<string> {
  readonly #timeout: number;

  constructor({ proxy, timeout, tls }: ProxyAgentOptions) {
    super(withoutUser(proxy), { keepAlive: true, headers: proxyHeaders(proxy) });
    this.#timeout = timeout;
    // What the library was constructed with is for the proxy; these are for the host behind it.
    Object.assign(this.options, tls);
  }

  override connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): Promise<Socket> {
    return within(this.#timeout, async (signal) => {
      let status: number | undefined;
      request.once('proxyConnect', (answer: { readonly statusCode: number }) => {
        status = answer.statusCode;
      });
      this.connectOpts = { ...this.connectOpts, signal };
      let socket: Socket;
      try {
        socket = await super.connect(request, options);
      } catch (error) {
        throw ofProxy(error);
      }
      if (status !== 200) {
        // The library would show the proxy's own page as the answer of the host.
        socket.destroy();
        throw new ConnectionFault(`PROXY_${status ?? 'ECONNRESET'}`);
      }
      return socket instanceof TLSSocket ? secured(socket) : socket;
    });
  }
}

/** The library tells its address to whom wants to debug it, so it does not get user and password. */
function withoutUser(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}

function proxyHeaders({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') {
    return {};
  }
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(user).toString('base64')}` };
}

function ofProxy(error: unknown): Error {
  const { code } = error as { readonly code?: unknown };
  const cut = typeof code !== 'string' || code === 'ABORT_ERR';
  return new ConnectionFault(`PROXY_${cut ? 'ECONNRESET' : code}`);
}

function secured(socket: TLSSocket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });
}

/** Gives `connect` some time; what it began is ended after that. */
async function within<T>(timeout: number, connect: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = new ConnectionFault('ETIMEDOUT');
  const timer = setTimeout(() => controller.abort(late), timeout);
  try {
    return await connect(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? late : error;
  } finally {
    clearTimeout(timer);
  }
}
