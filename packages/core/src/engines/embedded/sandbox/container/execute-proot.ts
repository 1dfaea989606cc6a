import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import { failureOf } from '../calls/batch.ts';
import type { Step } from '../calls/syscall-program.ts';
import { endWatched } from './end-processes.ts';
import { drain, openInput, openPipe } from './execute.ts';
import { forksIn, passSignal } from './pass-signal.ts';
import { greeting } from './proot-steps.ts';
import { check, type SandboxRun } from './sandbox-run.ts';

/** How often what is left is looked for when a command has ended, in milliseconds. */
const interval = 10;
/** Characters; proot explains itself at length. */
const keptOfErrors = 4000;

/**
 * Runs proot and what is inside, and tells how the command ended; what it left running is ended with it.
 *
 * @param file the program of the outside steps
 * @returns whether the command ended well
 * @throws MabuildError `SANDBOX_FAILED` when proot does not start or ends before the command
 */
export async function executeProot(
  file: string,
  { outside, inside }: { readonly outside: readonly Step[]; readonly inside: readonly Step[] },
  context: SandboxRun,
): Promise<boolean> {
  const { signal, stop, say, output, site } = context;
  const folder = dirname(file);
  const pipes = (['stdout', 'stderr'] as const).map((name) => openPipe(site.place, `${folder}/${name}`));
  const input = openInput(context);
  const child = spawn(file, [], {
    stdio: [input ?? 'ignore', ...pipes.map(({ writer }) => writer), 'pipe'],
    env: {},
  });
  for (const descriptor of [input, ...pipes.map(({ writer }) => writer)])
    if (descriptor !== undefined) closeSync(descriptor);
  let said = '';
  const errors = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said = `${said}${chunk.toString('utf8')}`.slice(-keptOfErrors);
      output.stderr.write(chunk, done);
    },
  });
  const drained = pipes.map(({ reader }, index) => drain(reader, index === 0 ? output.stdout : errors));
  let ending: NodeJS.Timeout | undefined;
  let report = Buffer.alloc(0);
  child.stdio[3]?.on('data', (chunk: Buffer) => {
    report = Buffer.concat([report, chunk]);
    if (outcomeOf(report, inside) === undefined) return;
    // Proot itself ends when all that it watches has.
    const { pid } = child;
    if (pid !== undefined) ending ??= setInterval(() => endWatched(pid, site.place), interval);
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  // Proot itself is one more process between.
  const forks = forksIn(outside) + 1 + forksIn(inside);
  const settle = passSignal(stop, { starter: child.pid, forks }, site.place);
  const status = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, ended) => resolve(ended ?? `${code}`));
  }).finally(() => {
    clearInterval(ending);
    settle();
  });
  signal.throwIfAborted();
  await Promise.all(drained);
  const outcome = outcomeOf(report, inside);
  if (outcome === undefined) {
    if (!report.toString('latin1').startsWith(greeting)) check(failureOf(outside, report));
    const lines = said.split('\n').filter((line) => line.startsWith('proot error: '));
    const words = lines.map((line) => line.slice('proot error: '.length)).join('; ');
    throw new MabuildError(
      `running a command with proot: it ended too early, with ${status}${words === '' ? '' : ` (${words})`}`,
      { code: 'SANDBOX_FAILED', hint: 'proot needs `ptrace`; see `mabuild doctor`' },
    );
  }
  say(outcome);
  return outcome.kind === 'exited' && outcome.code === 0;
}

type Outcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'not-started'; readonly purpose: string; readonly errno: number };

/** Reads the greeting, which step failed if one did (16 bytes), and the exit code (8 bytes). */
function outcomeOf(report: Buffer, inside: readonly Step[]): Outcome | undefined {
  const told = report.subarray(greeting.length);
  if (told.length === 8) return { kind: 'exited', code: Number(told.readBigInt64LE()) };
  if (told.length < 24) return undefined;
  const failure = failureOf(inside, told);
  return failure === undefined ? undefined : { kind: 'not-started', ...failure };
}
