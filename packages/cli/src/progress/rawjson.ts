import type { Writable } from 'node:stream';
import type { Progress } from './event.ts';

/** The event objects themselves, one JSON line each. */
export function rawJsonProgress(stream: Writable): Progress {
  return {
    onEvent: (event) => {
      stream.write(`${JSON.stringify(event)}\n`);
    },
    close: () => {},
  };
}
