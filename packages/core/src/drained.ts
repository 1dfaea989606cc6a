import type { Writable } from 'node:stream';

/** Waits until a full stream takes more, or is closed; leaves no listener behind. @throws what the stream fails with */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off('drain', done).off('close', done).off('error', failed);
    };
    const done = (): void => {
      stop();
      resolve();
    };
    const failed = (error: Error): void => {
      stop();
      reject(error);
    };
    stream.on('drain', done).on('close', done).on('error', failed);
  });
}
