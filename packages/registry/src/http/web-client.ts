import { RegistryError, redactUrl } from '../error.ts';
import { type ConnectionOptions, openTransport } from './connections.ts';
import { mostRedirects, redirectOf } from './redirect.ts';

export interface WebRequest {
  readonly method: 'GET' | 'HEAD';
  readonly signal?: AbortSignal | undefined;
}

export interface WebAnswer {
  readonly status: number;
  /** Whether the status is 2xx. */
  readonly ok: boolean;
  /** A header by its name. */
  readonly header: (name: string) => string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Reads public pages, by the same proxies and certificates as registries. */
export interface WebClient {
  /**
   * Asks once, and follows redirects as far as those of registries are followed.
   * @throws what the connection failed with; RegistryError `REGISTRY_ERROR` for redirects that are not followed.
   */
  ask(address: string, request: WebRequest): Promise<WebAnswer>;
  /** Ends connections. */
  close(): Promise<void>;
}

export function createWebClient(options: ConnectionOptions = {}): WebClient {
  const transport = openTransport(options);
  return {
    async ask(address, { method, signal }) {
      let url = new URL(address);
      for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
        const { status, header, body } = await transport.stream({ method, url, headers: {}, signal });
        const doing = `asking ${url.host}`;
        const next = redirectOf({ status, header }, { method, url, doing, insecure: false });
        if (next === undefined) {
          if (method === 'HEAD') {
            body.resume();
          }
          return { status, ok: status >= 200 && status < 300, header, body };
        }
        body.destroy();
        url = next;
      }
      throw new RegistryError(`asking ${redactUrl(new URL(address))}: it redirects without end`, {
        code: 'REGISTRY_ERROR',
      });
    },
    async close() {
      transport.close();
    },
  };
}
