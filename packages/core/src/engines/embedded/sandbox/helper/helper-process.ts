import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type CallOptions, MabuildError } from '@mabuild/oci';
import { eachLine } from './each-line.ts';
import { framed } from './frames.ts';
import type { JobMessage, SandboxJob, StopLine } from './job.ts';
import { type HelperSite, startHelper } from './start-helper.ts';

export type { HelperSite } from './start-helper.ts';

export interface JobOptions extends CallOptions {
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
  /** Told when its command has the pipe of its standard input. */
  readonly onTakesInput?: (() => void) | undefined;
  /** What the job says will come, in its order. */
  readonly streams?: readonly (() => Promise<AsyncIterable<Uint8Array>>)[];
  /** The number of the signal that the command gets first when the job is aborted. @default the helper ends all at once, and clears up */
  readonly stopWith?: ((reason: unknown) => number) | undefined;
}

/** How long a helper waits for another job: starting one takes longer than most of what it does. */
const idleMilliseconds = 10_000;
/** How long a command gets that is told to stop, as with `docker stop`. */
const stopMilliseconds = 10_000;
/** How long a helper gets to clear up whose job nobody wants any more. */
const clearMilliseconds = 5000;

/** Helpers that have nothing to do, by the command that they were started with, and then by the rest of their site. */
const idle = new WeakMap<readonly string[], Map<string, Helper[]>>();

/**
 * Gives a job to a helper, started for it or left by an earlier job, and collects what it tells.
 *
 * @throws MabuildError `SANDBOX_UNAVAILABLE` when the kernel does not let it start, and what the helper throws
 */
export async function runJob(
  site: HelperSite,
  job: SandboxJob,
  options: JobOptions,
): Promise<readonly JobMessage[]> {
  const { signal } = options;
  signal?.throwIfAborted();
  const waiting = helpersOf(site);
  const helper = waiting.pop()?.taken() ?? new Helper(await startHelper(site, signal));
  try {
    const messages = await helper.work(job, options);
    helper.rest(waiting);
    return messages;
  } catch (error) {
    helper.kill();
    // Without namespaces, what it was executing outlives it. The next helper begins by clearing up.
    if (site.kind === 'chroot' && job.run !== undefined && (await helper.wasKilled())) {
      const { run: _, tidy: __, ...others } = job;
      await runJob(site, { ...others, layers: [] }, {}).catch(() => undefined);
    }
    throw error;
  }
}

function helpersOf({ command, ...rest }: HelperSite): Helper[] {
  const sites = idle.get(command) ?? new Map<string, Helper[]>();
  idle.set(command, sites);
  const key = JSON.stringify(rest);
  const helpers = sites.get(key) ?? [];
  sites.set(key, helpers);
  return helpers;
}

/** A process that does one job after another. */
class Helper {
  readonly #child: ChildProcess;
  readonly #closed: Promise<readonly [number | null, NodeJS.Signals | null]>;
  readonly #said: Buffer[] = [];
  #tell: (message: JobMessage) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  /** It is not to get another job. */
  #spent = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    this.#closed.catch(() => undefined);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => void this.#said.push(chunk));
    eachLine(child.stdio[3] as Readable, (line) => {
      const message = messageOf(line);
      if (message) this.#tell(message);
    });
  }

  async work(
    job: SandboxJob,
    { signal, onOutput, onTakesInput, stopWith, streams = [] }: JobOptions,
  ): Promise<readonly JobMessage[]> {
    const child = this.#child;
    const kill = (): void => void child.kill('SIGKILL');
    let patience: NodeJS.Timeout | undefined;
    // Without input it ends everything, and clears up.
    const end = (): void => {
      child.stdin?.end();
      child.stdio[4]?.destroy();
    };
    const stop = (): void => {
      if (stopWith === undefined) {
        end();
        patience = setTimeout(kill, clearMilliseconds);
        return;
      }
      // It may come too late for this job's command, and is not for another one's.
      this.#spent = true;
      child.stdin?.write(`${JSON.stringify({ stop: stopWith(signal?.reason) } satisfies StopLine)}\n`);
      patience = setTimeout(end, stopMilliseconds);
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const messages: JobMessage[] = [];
      const told = new Promise<void>((resolve) => {
        this.#tell = (message) => {
          if (message.kind === 'output') onOutput?.(message.stream, Buffer.from(message.data, 'base64'));
          else if (message.kind === 'takes-input') onTakesInput?.();
          else messages.push(message);
          if (message.kind === 'done' || message.kind === 'failed') resolve();
        };
      });
      if (signal?.aborted) kill();
      child.stdin?.write(`${JSON.stringify(job)}\n`);
      // A helper that fails early takes no more; why it failed is what counts.
      const sending = send(child.stdio[4] as Writable, streams).then(
        () => undefined,
        (error: unknown) => {
          if (!isBrokenPipe(error)) kill();
          return error;
        },
      );
      await Promise.race([told, this.#closed]);
      const last = messages.at(-1);
      if (last?.kind !== 'done') {
        // One that failed clears up and ends; a read of what else might come would hold it.
        end();
        await this.#closed;
      }
      if (stopWith === undefined || last?.kind !== 'done') signal?.throwIfAborted();
      const isTaken = last?.kind === 'done' && last.streams === streams.length;
      if (!isTaken) {
        // Nobody takes the rest; the next job would take it for its own.
        this.#spent = true;
        child.stdio[4]?.destroy();
      }
      // What is sent may come from another machine: whoever wants no more of it does not wait for it.
      const unsent = await (isTaken ? sending : Promise.race([sending, undefined]));
      if (unsent !== undefined && !isBrokenPipe(unsent)) throw unsent;
      if (last?.kind === 'failed') {
        const { code, hint, message } = last;
        throw new MabuildError(message, { code, hint });
      }
      if (last?.kind !== 'done') throw this.#lost(await this.#closed);
      return messages;
    } finally {
      clearTimeout(patience);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Lets it wait for another job, for a while; this process does not wait for it. */
  rest(waiting: Helper[]): void {
    if (!this.#usable()) {
      this.kill();
      return;
    }
    for (const handle of this.#handles()) handle.unref?.();
    waiting.push(this);
    this.#timer = setTimeout(() => {
      const at = waiting.indexOf(this);
      if (at >= 0) waiting.splice(at, 1);
      // It ends when its input does, and what might come beside that.
      this.#child.stdin?.end();
      this.#child.stdio[4]?.destroy();
    }, idleMilliseconds).unref();
  }

  /** The helper, at work again; nothing when it has ended meanwhile. */
  taken(): Helper | undefined {
    clearTimeout(this.#timer);
    if (!this.#usable()) return undefined;
    for (const handle of this.#handles()) handle.ref?.();
    return this;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    for (const stream of this.#child.stdio) stream?.destroy();
  }

  /** Waits for its end. @returns whether it did not end by itself */
  async wasKilled(): Promise<boolean> {
    const ended = await this.#closed.catch(() => undefined);
    return ended?.[1] !== null;
  }

  #usable(): boolean {
    const { exitCode, signalCode } = this.#child;
    return !this.#spent && exitCode === null && signalCode === null;
  }

  /** What keeps this process running. */
  #handles(): readonly { ref?(): unknown; unref?(): unknown }[] {
    const { stdio } = this.#child;
    return [
      this.#child,
      // One that has ended would wait for a connection to be told.
      ...stdio.filter((stream) => stream !== null && stream !== undefined && !stream.destroyed),
    ] as readonly { ref?(): unknown; unref?(): unknown }[];
  }

  #lost([code, signal]: readonly [number | null, NodeJS.Signals | null]): MabuildError {
    const said = Buffer.concat(this.#said).toString('utf8').trim().slice(-500);
    return new MabuildError(
      `the sandbox's helper ended ${signal ? `by ${signal}` : `with ${code}`}: ${said}`,
      { code: 'SANDBOX_FAILED', hint: 'build again; if it happens again, please report it' },
    );
  }
}

/** A line that was cut off says nothing: its helper has ended. */
function messageOf(line: string): JobMessage | undefined {
  try {
    return JSON.parse(line) as JobMessage;
  } catch {
    return undefined;
  }
}

/** Sends streams one after the other; the pipe stays open for those of the next job. */
async function send(
  pipe: Writable,
  streams: readonly (() => Promise<AsyncIterable<Uint8Array>>)[],
): Promise<void> {
  // No pipeline: what it listens to stays with a pipe that stays open.
  for (const open of streams) {
    for await (const chunk of framed(await open())) {
      if (pipe.destroyed) return;
      const isWritten = new Promise<void>((resolve, reject) => {
        pipe.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
      isWritten.catch(() => undefined);
      if (pipe.writableNeedDrain) await isWritten;
    }
  }
}

function isBrokenPipe(error: unknown): boolean {
  return ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}
