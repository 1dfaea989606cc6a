import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { Duplex } from 'node:stream';

/** How a call of the engine's side ended. */
export interface CallEnd {
  /** The gRPC status; `undefined` when the stream was broken off without one. */
  readonly status: number | undefined;
  readonly message: string;
}

/** One call that the engine makes. */
export interface PeerCall {
  send(message: Uint8Array): void;
  /** Messages that have come; the next one is waited for. */
  next(): Promise<Buffer | undefined>;
  end(): void;
  /** Breaks the call off. */
  reset(): void;
  readonly ended: Promise<CallEnd>;
}

/** Plays the engine's end of a build session, with a framing of its own: it shares no code with what it judges. */
export interface GrpcPeer {
  call(path: string, headers?: Readonly<Record<string, string | string[]>>): PeerCall;
  /** Calls with one message and gives the answer and how it ended. */
  ask(path: string, message?: Uint8Array): Promise<CallEnd & { readonly answer: Buffer | undefined }>;
  close(): void;
}

/** Speaks HTTP/2 as a client over any connection. */
export function grpcPeer(socket: Duplex): GrpcPeer {
  const session = http2.connect('http://session', { createConnection: () => socket });
  session.on('error', () => {});
  const call: GrpcPeer['call'] = (path, headers = {}) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    stream.on('error', () => {});
    const messages = messagesOf(stream);
    let status: unknown;
    let message: unknown;
    const take = (some: http2.IncomingHttpHeaders): void => {
      status ??= some['grpc-status'];
      message ??= some['grpc-message'];
    };
    // A call is over once its status has come, whoever has more to say.
    stream
      .on('response', take)
      .on('trailers', take)
      .on('trailers', () => stream.end());
    return {
      send: (bytes) => void stream.write(framed(bytes)),
      next: async () => (await messages.next()).value ?? undefined,
      end: () => void stream.end(),
      reset: () => stream.close(http2.constants.NGHTTP2_CANCEL),
      ended: once(stream, 'close').then(() => ({
        status: status === undefined ? undefined : Number(status),
        message: decodeURIComponent(String(message ?? '')),
      })),
    };
  };
  return {
    call,
    async ask(path, message = Buffer.alloc(0)) {
      const made = call(path);
      made.send(message);
      made.end();
      const answer = await made.next();
      while ((await made.next()) !== undefined);
      return { answer, ...(await made.ended) };
    },
    close: () => session.destroy(),
  };
}

function framed(bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  return frame;
}

async function* messagesOf(stream: http2.ClientHttp2Stream): AsyncGenerator<Buffer, undefined, undefined> {
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1);
        yield rest.subarray(5, end);
        rest = rest.subarray(end);
      }
    }
  } catch {
    // How it ended is in `ended`.
  }
  return undefined;
}

/** A protobuf field with text, bytes or a number; values of the tests are small. */
export function field(number: number, value: string | Uint8Array | number): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

/** Reads the fields of a message: text of bytes, value of numbers, the last of each number. */
export function fieldsOf(message: Buffer): ReadonlyMap<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = read();
    const value = read();
    if (key % 8 === 0) fields.set(key >> 3, value);
    else {
      fields.set(key >> 3, message.subarray(at, at + value));
      at += value;
    }
  }
  return fields;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
