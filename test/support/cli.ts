import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './sources.ts';
import type { Workspace } from './workspace.ts';

/** How one run of the command ended. */
export interface CliResult {
  /** The exit code; a signal's name when one killed it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface RunningCli {
  readonly ended: Promise<CliResult>;
  interrupt(): void;
  readonly pid: number;
  /** Resolves when standard error has matched; rejects when the command ends before that. */
  waitFor(pattern: RegExp): Promise<void>;
}

export interface CliOptions {
  readonly workspace: Workspace;
  /** Added to the environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
}

const bin = join(repositoryRoot, 'packages/cli/bin/mabuild.js');

/** Starts the built command in an environment that knows nothing of this machine's user. */
export function startMabuild(args: readonly string[], options: CliOptions): RunningCli {
  const { workspace, env = {}, cwd = workspace.dir, input } = options;
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: workspace.dir,
      XDG_RUNTIME_DIR: workspace.dir,
      TMPDIR: workspace.temporary,
      DOCKER_CONFIG: workspace.dockerConfig,
      MABUILD_CACHE: workspace.cache,
      NO_COLOR: '1',
      ...env,
    },
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ status: code ?? signal ?? -1, stdout, stderr }));
  });
  return {
    ended,
    pid: child.pid ?? -1,
    interrupt: () => void child.kill('SIGINT'),
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(stderr)) return;
          child.stderr.off('data', look);
          resolve();
        };
        child.stderr.on('data', look);
        look();
        ended.then(
          (result) => reject(new Error(`ended with ${result.status} before ${pattern}\n${stderr}`)),
          reject,
        );
      }),
  };
}

/** Runs the built command to its end, whatever the exit code. */
export function mabuild(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startMabuild(args, options).ended;
}

/** Runs the built command, which must succeed. */
export async function mabuildOk(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const result = await mabuild(args, options);
  if (result.status === 0) return result;
  throw new Error(`mabuild ${args.join(' ')}: exit ${result.status}\n${result.stdout}${result.stderr}`);
}
