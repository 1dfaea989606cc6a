import { redactUrl } from '../error.ts';
import type { Agents } from './agents.ts';
import { readAnswer } from './answer-body.ts';
import { asFault, ConnectionFault, isUntrusted } from './connection-fault.ts';
import type { CallAnswer, CallRequest, FetchLike, StreamAnswer, StreamRequest } from './http-message.ts';
import { dropIdle, watchReuse } from './reused-connection.ts';
import { openStream } from './streaming.ts';
import type { Timeouts } from './timeouts.ts';

export { asFault, ConnectionFault } from './connection-fault.ts';
export type { CallAnswer, CallRequest, StreamAnswer, StreamRequest } from './http-message.ts';

export interface TransportOptions {
  readonly agents: Agents;
  readonly userAgent: string;
  readonly timeouts: Timeouts;
  readonly fetch?: FetchLike | undefined;
}

/** HTTP to registries: small calls through fetch, blob bodies streamed through node:http over the same connections. */
export class Transport {
  readonly #options: TransportOptions;
  #fetch: FetchLike | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#fetch = options.fetch;
  }

  /** @throws ConnectionFault; the signal's reason; MabuildError `DOCUMENT_TOO_LARGE`, and what is wrong with settings. */
  call(request: CallRequest): Promise<CallAnswer> {
    return this.#trusting(request.url, () => this.#call(request));
  }

  /**
   * Sends a body, or opens an answer's body, without holding it in memory.
   * @throws ConnectionFault; the signal's reason; what the body's own stream failed with.
   */
  async stream(request: StreamRequest): Promise<StreamAnswer> {
    // A body can be sent once; whether its host is trusted was found out by the request before it.
    return request.body === undefined
      ? this.#trusting(request.url, () => this.#stream(request))
      : this.#stream(request);
  }

  /** What Node.js does not trust is tried once more with what the machine trusts, which takes a while to read. */
  async #trusting<T>(url: URL, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      const untrusted = error instanceof ConnectionFault && isUntrusted(error.code);
      if (untrusted && (await this.#options.agents.trustMore(url))) {
        return send();
      }
      throw error;
    }
  }

  async #call(request: CallRequest): Promise<CallAnswer> {
    const { agents, timeouts, userAgent } = this.#options;
    const { signal, method, url } = request;
    signal?.throwIfAborted();
    const agent = await agents.for(url);
    const watched = watchReuse(agent);
    signal?.throwIfAborted();
    const controller = new AbortController();
    const forward = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', forward, { once: true });
    const timer = setTimeout(() => controller.abort(new ConnectionFault('ETIMEDOUT')), timeouts.silence);
    let begun = false;
    try {
      this.#fetch ??= await loadFetch();
      const response = await this.#fetch(url.href, {
        method,
        headers: { 'user-agent': userAgent, ...request.headers },
        ...(request.body !== undefined && { body: request.body }),
        redirect: 'manual',
        signal: controller.signal,
        agent: watched.agent,
        compress: false,
      });
      begun = true;
      const asked = `${request.doing ?? 'asking'}: ${method} ${redactUrl(url)}`;
      const bytes = await readAnswer(response, asked, request.longest);
      return {
        status: response.status,
        header: (name) => response.headers.get(name) ?? undefined,
        bytes,
      };
    } catch (error) {
      if (controller.signal.aborted) {
        throw controller.signal.reason;
      }
      const fault = asFault(error, { reused: !begun && watched.reused() });
      if (fault instanceof ConnectionFault && fault.stale) {
        dropIdle(agent);
      }
      throw fault;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', forward);
    }
  }

  async #stream(request: StreamRequest): Promise<StreamAnswer> {
    const { agents, timeouts, userAgent } = this.#options;
    try {
      const agent = await agents.for(request.url);
      const headers = { 'user-agent': userAgent, ...request.headers };
      return await openStream({ ...request, headers }, agent, timeouts);
    } catch (error) {
      request.body?.stream.destroy();
      throw error;
    }
  }

  /** The proxy on the way to an address, without its user. */
  proxyOf(url: URL): string | undefined {
    const proxy = this.#options.agents.proxyOf(url);
    return proxy === undefined ? undefined : `${proxy.protocol}//${proxy.host}`;
  }

  close(): void {
    this.#options.agents.close();
  }
}

async function loadFetch(): Promise<FetchLike> {
  const { default: fetch } = await import('node-fetch');
  return fetch as unknown as FetchLike;
}
