import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, constants, existsSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { failureOf, type ProgramPlace, runProgram } from '../calls/batch.ts';
import { here, must } from '../calls/kernel.ts';
import { failedStepExitCode, type Step } from '../calls/syscall-program.ts';
import { forksIn, passSignal } from './pass-signal.ts';
import { check, type SandboxRun } from './sandbox-run.ts';

/** Runs the container's program and tells how it ended. @param endOthers ends what the command left running @returns whether it ended well */
export async function executed(
  file: string,
  steps: readonly Step[],
  context: SandboxRun,
  endOthers: () => void = () => undefined,
): Promise<boolean> {
  const code = await execute(file, steps, context, endOthers);
  if (code === undefined) return false;
  context.say({ kind: 'exited', code });
  return code === 0;
}

/** Runs the container's program; `undefined` when its command did not start, which is told. */
export async function execute(
  file: string,
  steps: readonly Step[],
  context: SandboxRun,
  endOthers: () => void,
): Promise<number | undefined> {
  const { signal, stop, say, output, site } = context;
  const folder = dirname(file);
  const pipes = (['stdout', 'stderr'] as const).map((name) => openPipe(site.place, `${folder}/${name}`));
  const input = openInput(context);
  const child = spawn(file, [], {
    // The command sees it in its /proc.
    argv0: 'init',
    stdio: [input ?? 'ignore', ...pipes.map(({ writer }) => writer), 'pipe'],
    env: {},
  });
  // It runs, and may hold a secret.
  rmSync(file, { force: true });
  for (const descriptor of [input, ...pipes.map(({ writer }) => writer)])
    if (descriptor !== undefined) closeSync(descriptor);
  const drained = pipes.map(({ reader }, index) =>
    drain(reader, index === 0 ? output.stdout : output.stderr),
  );
  const report: Buffer[] = [];
  child.stdio[3]?.on('data', (chunk: Buffer) => report.push(chunk));
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const settle = passSignal(stop, { starter: child.pid, forks: forksIn(steps) }, site.place);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, ended) => resolve(status ?? (ended === 'SIGKILL' ? 137 : 255)));
  }).finally(settle);
  // What it left running holds the pipes open.
  endOthers();
  signal.throwIfAborted();
  await Promise.all(drained);
  const failure = code === failedStepExitCode ? failureOf(steps, Buffer.concat(report)) : undefined;
  if (failure === undefined) return code;
  say({ kind: 'not-started', ...failure });
  return undefined;
}

/** Makes the pipes of a command's output, which {@link execute} makes itself where they are not there. */
export function outputPipes(folder: string): readonly Step[] {
  return ['stdout', 'stderr'].map((name) => makePipe(`${folder}/${name}`));
}

function makePipe(path: string): Step {
  return must('make a pipe', 'mknodat', here, path, 0o010600, 0);
}

/** A pipe with a name: Node's own are sockets, which a command cannot open again as /dev/stdout. */
export function openPipe(
  place: ProgramPlace,
  path: string,
): { readonly reader: number; readonly writer: number } {
  if (!existsSync(path)) check(runProgram(place, [makePipe(path)]));
  // USER may open it too.
  chmodSync(path, 0o666);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

/** The command's standard input, if it is to have one. */
export function openInput({ run, say }: Pick<SandboxRun, 'run' | 'say'>): number | undefined {
  const { input } = run.command;
  if (input === undefined) return undefined;
  // Not held up when whoever writes is gone; libuv takes O_NONBLOCK away from standard streams.
  const reader = openSync(input, constants.O_RDONLY | constants.O_NONBLOCK);
  say({ kind: 'takes-input' });
  return reader;
}

export async function drain(reader: number, output: Writable): Promise<void> {
  const socket = new Socket({ fd: reader, readable: true, writable: false });
  for await (const chunk of socket) if (!output.write(chunk)) await once(output, 'drain');
}
