import type { ClientRequest, IncomingMessage } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import type { EngineResponse } from './engine-request.ts';

/** The request's own body could not be read: not the engine's fault. */
export class BodyFailure extends Error {}

/** Sends a request with its payload; the answer's body streams, and the signal reaches it too. */
export function exchange(
  request: ClientRequest,
  payload: Readable | Uint8Array | undefined,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): Promise<EngineResponse> {
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined;
    const stop = (error: Error): void => {
      response?.destroy(error);
      request.destroy(error);
    };
    const abort = (): void => stop(asError(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => stop(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    request.on('response', (message) => {
      clearTimeout(timer);
      response = message;
      message.once('close', settle);
      resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message });
    });
    request.on('error', (error) => {
      if (response === undefined) settle();
      reject(error);
    });
    if (payload instanceof Readable)
      pipeline(payload, request, (error) => {
        // An engine may answer before it has read everything; its answer then says why.
        const early = error?.code === 'ERR_STREAM_PREMATURE_CLOSE' || request.destroyed;
        if (error && !(early && payload.errored === null)) {
          const failure = payload.errored === null ? error : new BodyFailure(error.message, { cause: error });
          reject(failure);
          response?.destroy(error);
        }
      });
    else request.end(payload);
  });
}

/** What streams are destroyed with. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
