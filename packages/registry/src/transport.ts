import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Readable, Transform } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import type { Agents } from './agents.ts';

/** The part of `fetch` that the registry client uses; node-fetch, undici's and the built-in one all have it. */
export type FetchLike = (url: string, init: FetchInit) => Promise<FetchResponse>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
  /** Keep-alive connections with the host's TLS settings; for implementations that take an agent. */
  readonly agent: Agent;
  /** `false`: bytes as they are, no transparent decompression. */
  readonly compress: false;
}

export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** An answer whose body was read whole. */
export interface CallAnswer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly bytes: Buffer;
}

/** An answer whose body is still to be read. */
export interface StreamAnswer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: Readable;
}

export interface CallRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The body; its length must be `size`, which becomes Content-Length. */
  readonly body?: { readonly stream: Readable; readonly size: number } | undefined;
  readonly onBytes?: ((written: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds of silence after which a connection counts as lost. */
const silence = 120_000;
/** Milliseconds that a registry may take to store an upload after its last byte. */
const storing = 600_000;
/** No manifest, token or error is as long as this: distribution-spec asks registries for 4 MiB manifests. */
const longestCall = 16 * 1024 * 1024;

/** A connection failed: nothing is known of what the other side did. */
export class ConnectionFault extends Error {
  override readonly name: string = 'ConnectionFault';
  /** e.g. `ECONNRESET`. */
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** HTTP to registries: small calls through fetch, blob bodies streamed through node:http over the same connections. */
export class Transport {
  readonly #agents: Agents;
  readonly #userAgent: string;
  #fetch: FetchLike | undefined;

  constructor(options: { agents: Agents; userAgent: string; fetch?: FetchLike | undefined }) {
    this.#agents = options.agents;
    this.#userAgent = options.userAgent;
    this.#fetch = options.fetch;
  }

  /** @throws ConnectionFault; the signal's reason. */
  async call(request: CallRequest): Promise<CallAnswer> {
    const { signal } = request;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const forward = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', forward, { once: true });
    const timer = setTimeout(() => controller.abort(new ConnectionFault('ETIMEDOUT')), silence);
    try {
      this.#fetch ??= await loadFetch();
      const response = await this.#fetch(request.url.href, {
        method: request.method,
        headers: { 'user-agent': this.#userAgent, ...request.headers },
        ...(request.body !== undefined && { body: request.body }),
        redirect: 'manual',
        signal: controller.signal,
        agent: this.#agents.for(request.url),
        compress: false,
      });
      const bytes = await readWhole(response.body);
      return {
        status: response.status,
        header: (name) => response.headers.get(name) ?? undefined,
        bytes,
      };
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : asFault(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', forward);
    }
  }

  /**
   * Sends a body, or opens an answer's body, without holding it in memory.
   * @throws ConnectionFault; the signal's reason; what the body's own stream failed with.
   */
  stream(request: StreamRequest): Promise<StreamAnswer> {
    const { signal, body } = request;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        body?.stream.destroy();
        reject(signal.reason);
        return;
      }
      const send = request.url.protocol === 'http:' ? httpRequest : httpsRequest;
      const outgoing = send(request.url, {
        method: request.method,
        agent: this.#agents.for(request.url),
        headers: {
          'user-agent': this.#userAgent,
          ...request.headers,
          ...(body !== undefined && { 'content-length': String(body.size) }),
        },
      });
      let answer: IncomingMessage | undefined;
      let bodyFailure: unknown;
      const onAbort = (): void => {
        body?.stream.destroy();
        answer?.destroy(asError(signal?.reason));
        outgoing.destroy();
        reject(signal?.reason);
      };
      const stop = (): void => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });

      outgoing.once('response', (response) => {
        answer = response;
        response.once('close', stop);
        // An answer before the body's end is a refusal: the rest need not be sent, and the connection is spent.
        if (body !== undefined && !outgoing.writableEnded) {
          body.stream.unpipe();
          body.stream.destroy();
          response.once('end', () => outgoing.destroy());
        }
        resolve({
          status: response.statusCode ?? 0,
          header: (name) => headerText(response.headers[name]),
          body: response,
        });
      });
      outgoing.on('error', (error) => {
        stop();
        body?.stream.destroy();
        reject(bodyFailure ?? (signal?.aborted === true ? signal.reason : asFault(error)));
      });
      outgoing.setTimeout(silence, () => {
        // Nothing to send because our own side is slow is not the registry's silence.
        const waitingForBody =
          body !== undefined && !body.stream.readableEnded && !outgoing.writableNeedDrain;
        if (!waitingForBody) {
          const fault = new ConnectionFault('ETIMEDOUT');
          answer?.destroy(fault);
          outgoing.destroy(fault);
        }
      });
      if (body === undefined) {
        outgoing.end();
        return;
      }
      const failBody = (error: Error): void => {
        if (answer === undefined) {
          bodyFailure ??= error;
          outgoing.destroy(error);
        }
      };
      body.stream.once('error', failBody);
      body.stream.once('close', () => {
        if (!body.stream.readableEnded) {
          failBody(new ConnectionFault('BODY_CUT_SHORT'));
        }
      });
      outgoing.once('finish', () => outgoing.setTimeout(storing));
      body.stream.pipe(exactly(body.size, request.onBytes)).once('error', failBody).pipe(outgoing);
    });
  }

  close(): void {
    this.#agents.close();
  }
}

async function loadFetch(): Promise<FetchLike> {
  const { default: fetch } = await import('node-fetch');
  return fetch as unknown as FetchLike;
}

async function readWhole(body: AsyncIterable<Uint8Array> | null): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > longestCall) {
      throw new ConnectionFault('ANSWER_TOO_LONG');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Lets exactly `size` bytes through: a body of another length would leave the registry waiting. */
function exactly(size: number, onBytes: ((written: number) => void) | undefined): Transform {
  let written = 0;
  const mismatch = (found: string): MabuildError =>
    new MabuildError(`the content to upload has ${found} bytes, its descriptor says ${size}`, {
      code: 'SIZE_MISMATCH',
      hint: 'the content changed while it was read, or its descriptor is wrong',
    });
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      written += chunk.length;
      if (written > size) {
        done(mismatch('more'));
        return;
      }
      onBytes?.(written);
      done(null, chunk);
    },
    flush(done) {
      done(written === size ? null : mismatch(`only ${written}`));
    },
  });
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}

/** Messages of HTTP libraries may hold the address with its query, so only the code is kept. */
export function asFault(error: unknown): Error {
  if (error instanceof ConnectionFault || error instanceof MabuildError) {
    return error;
  }
  const { code, type } = error as { code?: unknown; type?: unknown };
  return new ConnectionFault(
    typeof code === 'string' ? code : typeof type === 'string' ? type : 'CONNECTION_LOST',
  );
}
