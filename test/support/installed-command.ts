import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { type SandboxUser, userCommand } from './sandbox-users.ts';
import { repositoryRoot } from './sources.ts';

/** The command as it is shipped, where any user can start it, and a home for each. */
export interface InstalledCommand {
  /** That user's own. */
  home(user: SandboxUser): string;
  start(user: SandboxUser, args: readonly string[], options?: StartOptions): StartedCommand;
}

export interface StartOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the user's own. */
  readonly home?: string;
  /** @default '/' */
  readonly cwd?: string;
  /** What fits into its cache, MiB; only root can say so. */
  readonly room?: number | undefined;
}

export interface StartedCommand {
  /** @default SIGKILL */
  kill(signal?: NodeJS.Signals): void;
  readonly ended: Promise<{
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/** Bundles the command into a folder that everybody may read. */
export async function installCommand(folder: string): Promise<InstalledCommand> {
  const place = join(folder, 'command');
  await mkdir(place, { mode: 0o755 });
  await build({
    absWorkingDir: repositoryRoot,
    entryPoints: ['main', 'sandbox-helper'].map((name) => `packages/cli/src/${name}.ts`),
    outdir: place,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    conditions: ['@mabuild/source'],
    logLevel: 'error',
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  await writeFile(join(place, 'package.json'), '{"type":"module"}');
  await writeFile(join(place, 'mabuild.js'), "import { main } from './main.js';\nawait main(process);\n");
  const users = await userCommand(folder);
  return {
    home: (user) => users.folder(user),
    start(user, args, { env = {}, home = users.folder(user), cwd = '/', room } = {}) {
      const started = users.command(user, [process.execPath, join(place, 'mabuild.js'), ...args]);
      const [program = '', ...given] = [
        ...(room === undefined ? [] : small(join(home, 'cache'), room)),
        ...started,
      ];
      const child = spawn(program, given, {
        cwd,
        // What a command inherits from others, as a step of a CI system may.
        stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', 'pipe'],
        env: {
          PATH: process.env.PATH,
          HOME: home,
          XDG_RUNTIME_DIR: home,
          TMPDIR: join(home, 'tmp'),
          MABUILD_CACHE: join(home, 'cache'),
          // No engine answers here.
          DOCKER_HOST: `unix://${home}/none.sock`,
          ...env,
        },
      });
      const [stdout, stderr] = [text(child.stdout as Readable), text(child.stderr as Readable)];
      const ended = new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (status) => resolve(status));
      });
      return {
        kill: (signal = 'SIGKILL') => void child.kill(signal),
        ended: ended.then(async (status) => ({ status, stdout: await stdout, stderr: await stderr })),
      };
    },
  };
}

/** Lets a command have a small file system of its own, which is gone with it. */
function small(folder: string, mebibytes: number): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return [
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-ec'],
    `mount -t tmpfs -o size=${mebibytes}m,mode=777 small "$0"; exec "$@"`,
    folder,
  ];
}
