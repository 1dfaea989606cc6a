import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Transform } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import { asFault, ConnectionFault } from './connection-fault.ts';
import type { StreamAnswer, StreamRequest } from './http-message.ts';
import type { Timeouts } from './timeouts.ts';

/**
 * Sends a body, or opens an answer's body, without holding it in memory.
 * @throws ConnectionFault; the signal's reason; what the body's own stream failed with.
 */
export function openStream(
  request: StreamRequest,
  agent: Agent,
  { silence, storing }: Timeouts,
): Promise<StreamAnswer> {
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
      agent,
      headers: {
        ...request.headers,
        ...(body !== undefined &&
          request.headers['transfer-encoding'] === undefined && { 'content-length': String(body.size) }),
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
      // A body that was begun may have arrived in part, which is for the caller to find out.
      const fault = asFault(error, { reused: outgoing.reusedSocket && body === undefined });
      reject(bodyFailure ?? (signal?.aborted === true ? signal.reason : fault));
    });
    outgoing.setTimeout(silence, () => {
      // That our own side is slow, to give or to take, is not the registry's silence.
      const waitingForBody = body !== undefined && !body.stream.readableEnded && !outgoing.writableNeedDrain;
      const waitingForReader =
        answer !== undefined && answer.readableLength >= answer.readableHighWaterMark && !answer.complete;
      if (waitingForBody || waitingForReader) {
        outgoing.socket?.setTimeout(silence);
        return;
      }
      const fault = new ConnectionFault('ETIMEDOUT');
      answer?.destroy(fault);
      outgoing.destroy(fault);
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
    if (body.stream.destroyed) {
      failBody(body.stream.errored ?? new ConnectionFault('BODY_CUT_SHORT'));
      return;
    }
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

/** Lets exactly `size` bytes through, where that is known: a body of another length would leave the registry waiting. */
function exactly(size: number | undefined, onBytes: ((written: number) => void) | undefined): Transform {
  let written = 0;
  const mismatch = (found: string): MabuildError =>
    new MabuildError(`the content to upload has ${found} bytes, its descriptor says ${size}`, {
      code: 'SIZE_MISMATCH',
      hint: 'the content changed while it was read, or its descriptor is wrong',
    });
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      written += chunk.length;
      if (size !== undefined && written > size) {
        done(mismatch('more'));
        return;
      }
      onBytes?.(written);
      done(null, chunk);
    },
    flush(done) {
      done(size === undefined || written === size ? null : mismatch(`only ${written}`));
    },
  });
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
