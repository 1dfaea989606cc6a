import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { drained } from '../../../drained.ts';

/** Status codes of gRPC that are used here. */
export const grpcStatus = { ok: 0, unknown: 2, notFound: 5, unimplemented: 12, internal: 13 } as const;

/** Ends a call with a status other than OK. */
export class GrpcError extends Error {
  override readonly name: string = 'GrpcError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Largest message that is believed, bytes; BuildKit's own limit is 16 MiB. */
const largestMessage = 32 * 1024 * 1024;

/** One call of the engine to us. */
export interface GrpcCall {
  /** Every value of a header that may be repeated: node joins them, and a comma may be part of a value. */
  values(name: string): readonly string[];
  /** The engine's messages. */
  messages(): AsyncGenerator<Buffer>;
  /** Sends messages in one write; waits while the engine reads slower than we send. */
  send(...messages: readonly Uint8Array[]): Promise<void>;
}

export type GrpcHandler = (call: GrpcCall) => Promise<void>;

/** Answers one HTTP/2 stream as gRPC: handler, then trailers with its status. Never throws. */
export function serveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  handlers: ReadonlyMap<string, GrpcHandler>,
): void {
  const path = String(headers[':path'] ?? '');
  stream.on('error', () => {
    // The handler's own reads and writes fail too, and tell.
  });
  const handler = handlers.get(path);
  if (!handler) {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(grpcStatus.unimplemented) },
      { endStream: true },
    );
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  let trailers: Record<string, string> = { 'grpc-status': '0' };
  stream.on('wantTrailers', () => {
    if (!stream.destroyed && !stream.closed) stream.sendTrailers(trailers);
  });
  handler(callOf(stream, rawHeaders))
    .catch((error: unknown) => {
      const status = error instanceof GrpcError ? error.status : grpcStatus.unknown;
      // Through bytes: half a surrogate pair, as file names may have it, cannot be encoded.
      const message = Buffer.from(error instanceof Error ? error.message : String(error)).toString();
      trailers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) };
    })
    .finally(() => {
      if (!stream.destroyed) stream.end();
    });
}

function callOf(stream: ServerHttp2Stream, rawHeaders: readonly string[]): GrpcCall {
  return {
    values: (name) =>
      rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name),
    messages: () => readFrames(stream),
    send: async (...messages) => {
      if (stream.destroyed || stream.writableEnded) throw brokenOff();
      if (stream.write(frames(messages))) return;
      await drained(stream);
      if (stream.destroyed) throw brokenOff();
    },
  };
}

function brokenOff(): GrpcError {
  return new GrpcError(grpcStatus.internal, 'the engine broke the call off');
}

/** Length-prefixed messages, uncompressed: gRPC over HTTP2, "Length-Prefixed-Message". */
export function frames(messages: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const message of messages) {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    parts.push(prefix, message);
  }
  return Buffer.concat(parts);
}

/** Reads length-prefixed messages; leaving the loop leaves the stream alone, so that it can still be answered. */
export async function* readFrames(stream: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  const chunks = (stream as unknown as ServerHttp2Stream).iterator({ destroyOnReturn: false });
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const length = rest.readUInt32BE(1);
      if (rest[0] !== 0)
        throw new GrpcError(grpcStatus.unimplemented, 'compressed messages are not understood');
      if (length > largestMessage)
        throw new GrpcError(grpcStatus.internal, `a message of ${length} bytes is too large`);
      if (rest.length < 5 + length) break;
      yield rest.subarray(5, 5 + length);
      rest = rest.subarray(5 + length);
    }
  }
  if (rest.length > 0) throw new GrpcError(grpcStatus.internal, 'a message breaks off');
}
