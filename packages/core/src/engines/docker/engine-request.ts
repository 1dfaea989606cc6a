import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { CallOptions } from '@mabuild/oci';

type QueryScalar = string | number | boolean;

/** One call of the Engine API. */
export interface EngineRequest extends CallOptions {
  /** An array repeats its key; `undefined` leaves it out; `true` is written `1`. */
  readonly query?: Readonly<Record<string, QueryScalar | readonly QueryScalar[] | undefined>>;
  readonly headers?: OutgoingHttpHeaders;
  /** A stream or bytes are sent as they are; anything else as JSON. */
  readonly body?: Readable | Uint8Array | object;
  /** Leaves `/vX.Y` out of the path: for `/_ping` and for servers that are not yet known. */
  readonly noVersion?: boolean;
  /** Error statuses that the caller answers itself. */
  readonly allow?: readonly number[];
  /** Longest wait for the answer's first byte, milliseconds. @default none */
  readonly timeoutMs?: number;
}

export interface EngineResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** Sends requests to one engine. */
export interface EngineCaller {
  /** How messages call this engine, e.g. `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
  /** Sends one request and resolves with its answer's head; the body streams. */
  request(method: string, path: string, options?: EngineRequest): Promise<EngineResponse>;
  /** Sends one request and reads a JSON answer; `undefined` for an empty one. */
  json<T>(method: string, path: string, options?: EngineRequest): Promise<T>;
}
