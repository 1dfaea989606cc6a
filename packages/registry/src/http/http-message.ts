import type { Agent } from 'node:http';
import type { Readable } from 'node:stream';

/** The part of `fetch` that the registry client uses; node-fetch, undici's and the built-in one all have it. */
export type FetchLike = (url: string, init: FetchInit) => Promise<FetchResponse>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
  /** Keep-alive connections with the host's TLS settings, or its proxy; for implementations that take an agent. */
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
  /** In words, for errors. */
  readonly doing?: string | undefined;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Most bytes of an answer that is no error; errors are cut. @default 4 MiB, the limit of manifests */
  readonly longest?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body; its length must be `size`, which becomes Content-Length unless the headers have Transfer-Encoding, as they
   * must where it is not known.
   */
  readonly body?: { readonly stream: Readable; readonly size: number | undefined } | undefined;
  readonly onBytes?: ((written: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
