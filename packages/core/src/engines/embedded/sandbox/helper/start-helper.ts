import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { MabuildError } from '@mabuild/oci';
import { failureOf, type ProgramFailure } from '../calls/batch.ts';
import { errnoName } from '../calls/errno.ts';
import { may, mountFlags, must, namespaceFlags } from '../calls/kernel.ts';
import { type Step, syscallProgram } from '../calls/syscall-program.ts';
import type { IdMaps } from '../choice/user-ids.ts';
import { enterName } from '../shelf/leftovers.ts';
import { keepEarly, takeEarly } from './early-helpers.ts';
import type { HelperSite } from './helper-site.ts';

export type { HelperSite } from './helper-site.ts';

const scratch = 0x2000_0000;
const gate = 5;
const run = promisify(execFile);

/** Starts a helper for a job that will come: starting one takes longer than most of what it does. */
export function startEarly(site: HelperSite): void {
  keepEarly(site, start(site, undefined));
}

/**
 * Starts the process of a helper with its privileges, or takes one that was started early.
 * @throws MabuildError `SANDBOX_UNAVAILABLE` when the kernel does not let it start
 */
export async function startHelper(site: HelperSite, signal: AbortSignal | undefined): Promise<ChildProcess> {
  const early = await takeEarly(site, signal);
  signal?.throwIfAborted();
  return early ?? (await start(site, signal));
}

async function start(site: HelperSite, signal: AbortSignal | undefined): Promise<ChildProcess> {
  const steps = enteringSteps(site);
  const program = `${site.directory}/${enterName()}`;
  await mkdir(site.directory, { recursive: true, mode: 0o700 });
  await chmod(site.directory, 0o700);
  await writeFile(program, syscallProgram(site.architecture, steps), { mode: 0o700, flag: 'wx' });
  const child = await startProgram(program).catch(async (error: unknown) => {
    await rm(program, { force: true });
    throw error;
  });
  // At once: Node throws away what nobody listens to when the process has ended.
  const entered = letIn(child, site, steps);
  entered.catch(() => undefined);
  // What ends early takes its ends of the pipes with it; why it ended is told otherwise.
  for (const stream of child.stdio) stream?.on('error', () => undefined);
  // It runs, so nobody needs its name: nothing is left however this ends.
  await rm(program, { force: true });
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const failure = await entered;
    signal?.throwIfAborted();
    if (failure !== undefined) throw notEntered(failure);
    return child;
  } catch (error) {
    kill();
    for (const stream of child.stdio) stream?.destroy();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Another thread that starts a program may hold the file open for writing for a moment. */
async function startProgram(program: string): Promise<ChildProcess> {
  for (let attempt = 0; ; attempt += 1) {
    const child = spawn(program, [], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: {},
      // Ctrl-C in a terminal is for this process, which says what is to end.
      detached: true,
    });
    try {
      await once(child, 'spawn');
      return child;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ETXTBSY' && attempt < 20) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      throw new MabuildError(`starting a program in ${program.slice(0, program.lastIndexOf('/'))}: ${code}`, {
        code: 'SANDBOX_UNAVAILABLE',
        hint: 'the cache must lie on a file system that programs can be started from: set MABUILD_CACHE',
        cause: error,
      });
    }
  }
}

/** What the helper's process does before it becomes Node. */
function enteringSteps({ kind, command }: HelperSite): readonly Step[] {
  const { user, mount } = namespaceFlags;
  const flags = kind === 'user-namespace' ? user | mount : mount;
  const isPlain = kind === 'chroot' || kind === 'proot';
  const [node = ''] = command;
  return [
    must('get memory', 'mmap', scratch, 4096, 3, 0x32, -1, 0),
    ...(isPlain ? [] : [must('make namespaces', 'unshare', flags)]),
    must('knock', 'write', gate, '.', 1),
    // The maps of a user namespace are written from outside, and count from the next program on.
    must('wait for the user map', 'read', gate, scratch, 1),
    ...(isPlain
      ? []
      : [must('take mounts apart', 'mount', 0, '/', 0, mountFlags.recursive | mountFlags.private, 0)]),
    must('hide a file descriptor', 'fcntl', gate, 2, 1),
    // What a command leaves running is found below the helper: PR_SET_CHILD_SUBREAPER.
    may('prctl', 36, 1, 0, 0, 0),
    must('start Node', 'execve', node, { texts: command }, { texts: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] }),
  ];
}

async function letIn(
  child: ChildProcess,
  { kind, ids }: HelperSite,
  steps: readonly Step[],
): Promise<ProgramFailure | undefined> {
  const door = (child.stdio as readonly unknown[])[gate] as Readable & Writable;
  const reports = child.stdio[3] as Readable;
  const report: Buffer[] = [];
  const take = (chunk: Buffer): void => void report.push(chunk);
  reports.on('data', take);
  const reported = new Promise((resolve) => reports.once('close', resolve));
  const [knock] = await Promise.race([
    once(door, 'data') as Promise<[Buffer]>,
    once(door, 'end') as Promise<[]>,
  ]);
  if (knock === undefined) {
    await reported;
    return failureOf(steps, Buffer.concat(report)) ?? { purpose: 'start a process', errno: 0 };
  }
  reports.off('data', take);
  reports.pause();
  if (kind === 'user-namespace') await writeMaps(child.pid ?? 0, ids);
  door.write('.');
  door.resume();
  return undefined;
}

async function writeMaps(pid: number, ids: IdMaps): Promise<void> {
  if (ids.kind === 'tools') {
    try {
      await run('newuidmap', [String(pid), ...ids.users.flat().map(String)]);
      await run('newgidmap', [String(pid), ...ids.groups.flat().map(String)]);
    } catch (error) {
      throw new MabuildError(`making a sandbox: ${(error as Error).message.trim()}`, {
        code: 'SANDBOX_UNAVAILABLE',
        hint: 'see `mabuild doctor`',
        cause: error,
      });
    }
    return;
  }
  if (ids.kind === 'single') await writeFile(`/proc/${pid}/setgroups`, 'deny');
  const text = (map: readonly (readonly number[])[]): string =>
    map.map((line) => `${line.join(' ')}\n`).join('');
  await writeFile(`/proc/${pid}/uid_map`, text(ids.users));
  await writeFile(`/proc/${pid}/gid_map`, text(ids.groups));
}

function notEntered({ purpose, errno }: ProgramFailure): MabuildError {
  return new MabuildError(`making a sandbox: could not ${purpose} (${errnoName(errno)})`, {
    code: 'SANDBOX_UNAVAILABLE',
    hint: 'see `mabuild doctor`',
  });
}
