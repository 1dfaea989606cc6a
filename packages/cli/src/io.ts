import { setMaxListeners } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** The world as a command sees it; tests pass their own. */
export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly stdin: Readable;
  /** The answer. */
  readonly stdout: Writable;
  /** Progress, warnings, errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** `process.platform`. */
  readonly operatingSystem: string;
  readonly architecture: string;
  /** Aborted by Ctrl-C and SIGTERM with an {@link Interrupted}. */
  readonly signal: AbortSignal;
  /** The module that checks files in threads of its own. */
  readonly checkWorker?: URL | undefined;
  /** The module with which the embedded engine executes RUN. */
  readonly sandboxHelper?: URL | undefined;
}

/** Why a command was aborted: a signal of the operating system. */
export class Interrupted extends Error {
  override readonly name: string = 'Interrupted';
  readonly signalName: string;

  /** The command's beginning is bundled apart from the rest, and each has this class. */
  static override [Symbol.hasInstance](value: unknown): value is Interrupted {
    return value instanceof Error && value.name === 'Interrupted' && 'signalName' in value;
  }

  constructor(signalName: string) {
    super(`interrupted by ${signalName}`);
    this.signalName = signalName;
  }
}

/** The streams, variables and signals of a process; a second Ctrl-C ends it at once with exit code 130. */
export function processIo(
  process: NodeJS.Process,
  besides: Pick<Io, 'checkWorker' | 'sandboxHelper'> = {},
): Io {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Interrupted(name));
    });
  }
  // A reader that has seen enough (`mabuild inspect … | head -1`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    // The answer is lost: nobody may take what is there for the whole of it.
    process.stderr.write(`error: writing standard output: ${error.message} (FILE_UNWRITABLE)\n`);
    process.exit(2);
  });
  return {
    environment: process.env,
    workingDirectory: process.cwd(),
    // Opened when somebody reads it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    operatingSystem: process.platform,
    architecture: process.arch,
    signal: controller.signal,
    ...besides,
  };
}
