import type * as http2 from 'node:http2';
import { Duplex } from 'node:stream';
import type { CallOptions } from '@mabuild/oci';
import type { DockerClient } from '../client.ts';
import { frames, readFrames } from './grpc.ts';
import { bytesField, readFields } from './protobuf.ts';

/** How long an engine may take to answer, milliseconds: what speaks HTTP/1 only may say nothing at all. */
const answerTimeout = 5000;

/**
 * Opens a session by gRPC on the engine's own socket: `moby.buildkit.v1.Control/Session` carries, message by message, the
 * bytes of the connection that `POST /session` would have given.
 *
 * @throws Error when the engine speaks no HTTP/2 there, or is silent for 5 s
 */
export async function openNativeSession(
  client: DockerClient,
  headers: Readonly<Record<string, string | readonly string[]>>,
  options: CallOptions = {},
): Promise<Duplex> {
  const { signal } = options;
  const { connect } = await import('node:http2');
  const socket = await client.connect({ ...options, alpnProtocols: ['h2'] });
  const connection = connect('http://docker', { createConnection: () => socket });
  const call = connection.request({
    ':method': 'POST',
    ':path': '/moby.buildkit.v1.Control/Session',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name.toLowerCase(),
        typeof value === 'string' ? value : [...value],
      ]),
    ),
  });
  const stop = (): void => {
    call.destroy();
    connection.destroy();
    socket.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, answerTimeout);
  try {
    await new Promise<void>((resolve, reject) => {
      // Listened to for good: a connection that breaks later shows in the tunnel's end.
      connection.on('error', reject);
      call.on('error', reject);
      call.once('close', () => reject(new Error('the engine did not answer a session over gRPC')));
      call.once('response', (answer) => {
        if (answer[':status'] === 200 && answer['grpc-status'] === undefined) resolve();
        else reject(new Error(`the engine answered ${answer[':status']} to a session over gRPC`));
      });
    });
  } catch (error) {
    stop();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
  return tunnel(call, stop);
}

/** The bytes inside the call's messages as a connection of their own. */
function tunnel(call: http2.ClientHttp2Stream, stop: () => void): Duplex {
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      call.write(frames([bytesField(1, chunk)]), done);
    },
    final(done) {
      call.end(done);
    },
    destroy(error, done) {
      stop();
      done(error);
    },
  });
  const receive = async (): Promise<void> => {
    for await (const message of readFrames(call)) {
      for (const field of readFields(message)) {
        if (field.number === 1 && field.kind === 'bytes') duplex.push(field.value);
      }
    }
    duplex.push(null);
  };
  receive().catch((error: unknown) => duplex.destroy(error as Error));
  return duplex;
}
