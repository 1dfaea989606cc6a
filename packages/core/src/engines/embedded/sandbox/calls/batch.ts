import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Argument,
  failedStepExitCode,
  type Step,
  type SyscallName,
  syscallProgram,
} from './syscall-program.ts';

/** Where programs are written and run; only this user may write there. */
export interface ProgramPlace {
  /** Of this machine. */
  readonly architecture: string;
  readonly directory: string;
}

/** One system call of a {@link runBatch}. */
export interface BatchCall {
  readonly name: SyscallName;
  readonly arguments: readonly Argument[];
}

export interface ProgramFailure {
  readonly purpose: string;
  /** As Linux numbers it, above zero. */
  readonly errno: number;
}

const scratch = 0x2000_0000;
/** Longest value of an extended attribute, and longest list of names: Linux, `limits.h`. */
const longestAnswer = 64 * 1024;
const callsAtOnce = 4096;

/** Makes system calls one after the other and tells what each answered: a number below zero is an error. */
export function runBatch(place: ProgramPlace, calls: readonly BatchCall[]): readonly number[] {
  const answers: number[] = [];
  for (let at = 0; at < calls.length; at += callsAtOnce) {
    const some = calls.slice(at, at + callsAtOnce);
    const steps: Step[] = [memory()];
    for (const call of some)
      steps.push(
        { kind: 'call', ...call, purpose: undefined },
        { kind: 'store', address: scratch },
        write(scratch, 8),
      );
    const output = runForOutput(place, steps);
    for (const index of some.keys()) answers.push(Number(output.readBigInt64LE(index * 8)));
  }
  return answers;
}

/** The same for calls that fill a buffer, whose address and size follow the given arguments. */
export function runReading(
  place: ProgramPlace,
  calls: readonly BatchCall[],
): readonly (Buffer | undefined)[] {
  const answers: (Buffer | undefined)[] = [];
  const buffer = scratch + 8;
  for (let at = 0; at < calls.length; at += callsAtOnce) {
    const some = calls.slice(at, at + callsAtOnce);
    const steps: Step[] = [memory()];
    for (const { name, arguments: given } of some)
      steps.push(
        { kind: 'call', name, arguments: [...given, buffer, longestAnswer], purpose: undefined },
        { kind: 'store', address: scratch },
        write(scratch, 8),
        // After a failure its length is below zero, and the kernel writes nothing.
        write(buffer, { result: true }),
      );
    const output = runForOutput(place, steps);
    let position = 0;
    for (const _ of some) {
      const size = Number(output.readBigInt64LE(position));
      position += 8;
      answers.push(size < 0 ? undefined : Buffer.from(output.subarray(position, position + size)));
      position += Math.max(0, size);
    }
  }
  return answers;
}

/** Runs a program to its end; tells which step failed, if one did. */
export function runProgram(place: ProgramPlace, steps: readonly Step[]): ProgramFailure | undefined {
  return withProgram(place, steps, (file) => {
    const { output, error } = spawnSync(file, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: {},
    });
    if (error !== undefined) throw error;
    return failureOf(steps, output[3] as unknown as Buffer);
  });
}

/** Reads what a program said on file descriptor 3. */
export function failureOf(steps: readonly Step[], report: Uint8Array): ProgramFailure | undefined {
  if (report.length < 16) return undefined;
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  const step = steps[Number(view.getBigInt64(0, true))];
  return {
    purpose: step?.kind === 'call' ? (step.purpose ?? step.name) : 'start a process',
    errno: -Number(view.getBigInt64(8, true)),
  };
}

/** Writes a program to a file of its own for as long as `use` takes. */
export function withProgram<T>(place: ProgramPlace, steps: readonly Step[], use: (file: string) => T): T {
  const file = writeProgram(place, steps);
  try {
    return use(file);
  } finally {
    rmSync(file, { force: true });
  }
}

/** Writes a program to a file of its own, which the caller deletes. */
export function writeProgram(place: ProgramPlace, steps: readonly Step[]): string {
  const file = join(place.directory, `program-${randomBytes(6).toString('hex')}`);
  writeFileSync(file, syscallProgram(place.architecture, steps), { mode: 0o700, flag: 'wx' });
  return file;
}

function runForOutput(place: ProgramPlace, steps: readonly Step[]): Buffer {
  return withProgram(place, steps, (file) => {
    const { stdout, status, error } = spawnSync(file, [], {
      stdio: ['ignore', 'pipe', 'inherit', 'ignore'],
      env: {},
      maxBuffer: 1 << 30,
    });
    if (error !== undefined) throw error;
    if (status === failedStepExitCode) throw new Error('a program of system calls got no memory');
    return stdout;
  });
}

/** Readable and writable; private, anonymous, at this address. */
function memory(): Step {
  return {
    kind: 'call',
    name: 'mmap',
    arguments: [scratch, 8 + longestAnswer, 3, 0x32, -1, 0],
    purpose: 'get memory',
  };
}

function write(address: number, size: Argument): Step {
  return { kind: 'call', name: 'write', arguments: [1, address, size], purpose: undefined, answers: false };
}
