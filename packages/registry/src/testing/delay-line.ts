import { connect, createServer, type Server, type Socket } from 'node:net';

/** How slow a network is. */
export interface Pace {
  /** Milliseconds of a round trip. */
  readonly latency: number;
  /** Bytes a second in each direction, on each connection. */
  readonly rate: number;
}

/** Bytes on their way in one direction of one connection before the sender has to wait. */
const inFlight = 8 * 1024 * 1024;

/** A server whose connections lead to `port`, as if it were far away: also connecting takes a round trip. */
export function createDelayLine(port: number, pace: Pace): Server {
  return createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    near.setNoDelay(true);
    far.setNoDelay(true);
    // The kernel has accepted at once what a distant host would accept after a round trip.
    const begin = Date.now() + pace.latency;
    forward(near, far, pace, begin);
    forward(far, near, pace, begin);
  });
}

/** Every chunk leaves half a round trip after it came, in order, and not before the one before it is through. */
function forward(from: Socket, to: Socket, { latency, rate }: Pace, begin: number): void {
  const waiting: { readonly due: number; readonly chunk: Buffer | undefined }[] = [];
  let held = 0;
  let free = begin;
  let timer: NodeJS.Timeout | undefined;

  const release = (): void => {
    timer = undefined;
    const now = Date.now();
    while (waiting[0] !== undefined && waiting[0].due <= now) {
      const { chunk } = waiting.shift()!;
      if (chunk === undefined) {
        to.end();
      } else {
        held -= chunk.length;
        to.write(chunk);
      }
    }
    if (held < inFlight && to.writableLength < inFlight && from.isPaused()) {
      from.resume();
    }
    schedule();
  };
  const schedule = (): void => {
    const [next] = waiting;
    if (next !== undefined && timer === undefined) {
      timer = setTimeout(release, Math.max(0, next.due - Date.now()));
    }
  };
  const enqueue = (chunk: Buffer | undefined): void => {
    free = Math.max(free, Date.now()) + ((chunk?.length ?? 0) / rate) * 1000;
    waiting.push({ due: free + latency / 2, chunk });
    held += chunk?.length ?? 0;
    if (held >= inFlight || to.writableLength >= inFlight) {
      from.pause();
    }
    schedule();
  };
  from.on('data', enqueue);
  from.once('end', () => enqueue(undefined));
  to.on('drain', () => from.resume());
  from.once('error', () => undefined);
  from.once('close', (failed: boolean) => {
    if (failed || !from.readableEnded) {
      // A connection that is cut is cut at once; what was under way is lost.
      clearTimeout(timer);
      to.destroy();
    }
  });
}
