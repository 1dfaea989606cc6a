import type { IncomingMessage } from 'node:http';

/** Counts the bytes of a request's body, whoever reads it. */
export function countBody(request: IncomingMessage, onBytes: (count: number) => void): void {
  request.on('data', (chunk: Buffer) => onBytes(chunk.length));
  // Listening alone would let the body flow away before it is asked for.
  request.pause();
}

/** Takes some bytes of the body, then cuts the connection. */
export function cutAfter(request: IncomingMessage, bytes: number): Promise<void> {
  return takeUpTo(request, bytes, () => request.socket.destroy());
}

/** Takes some bytes of the body, and then no more. */
export function stallAfter(request: IncomingMessage, bytes: number): Promise<void> {
  return takeUpTo(request, bytes, () => request.pause());
}

function takeUpTo(request: IncomingMessage, bytes: number, stop: () => void): Promise<void> {
  return new Promise((resolve) => {
    let taken = 0;
    const end = (): void => {
      stop();
      resolve();
    };
    if (bytes === 0) {
      end();
      return;
    }
    request.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken >= bytes) {
        end();
      }
    });
    request.once('end', end);
    request.once('error', end);
    request.resume();
  });
}
