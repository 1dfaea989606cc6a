import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { MabuildError } from '@mabuild/oci';
import { unreadable } from '../../file-error.ts';
import type { Environment } from '../environment.ts';

export interface SecretsSite {
  readonly environment: Pick<Environment, 'variables' | 'workingDirectory'>;
  /** For the socket of an agent that holds keys; the caller deletes it. */
  readonly temporaryDirectory: string;
}

/** Sockets by id. */
export interface OpenAgents {
  readonly sockets: ReadonlyMap<string, string>;
  /** Ends the agents that were started. */
  close(): void;
}

/** Linux: `sun_path` of unix(7) without its end. */
const longestSocketPath = 107;

/**
 * Finds the agents of a request; keys in files get an agent of their own, which `ssh-agent` is.
 * @param ssh ids to one socket or to key files; nothing means `SSH_AUTH_SOCK`
 */
export async function openAgents(
  ssh: Readonly<Record<string, readonly string[]>>,
  site: SecretsSite,
): Promise<OpenAgents> {
  const { variables, workingDirectory } = site.environment;
  const sockets = new Map<string, string>();
  const started: ChildProcess[] = [];
  const close = (): void => {
    // It ends with the command that it was started for, which ends with its input.
    for (const child of started) child.stdin?.destroy();
  };
  try {
    for (const [name, given] of Object.entries(ssh)) {
      const id = name || 'default';
      const paths = given.filter((path) => path !== '');
      if (paths.length === 0) paths.push(variables.SSH_AUTH_SOCK ?? '');
      if (paths[0] === '')
        throw new MabuildError(`the SSH agent ${id} has no socket: SSH_AUTH_SOCK is not set`, {
          code: 'USAGE',
          hint: 'start an agent with `eval $(ssh-agent)` and `ssh-add`, or name a socket or key: --ssh ID=PATH',
        });
      const found = await Promise.all(
        paths.map(async (path) => {
          const file = resolve(workingDirectory, path);
          const stats = await stat(file).catch((error: unknown) => {
            throw unreadable(file, error);
          });
          return { file, isSocket: stats.isSocket() };
        }),
      );
      const [first] = found;
      if (first?.isSocket && found.length === 1) sockets.set(id, first.file);
      else if (found.some(({ isSocket }) => isSocket))
        throw new MabuildError(`the SSH agent ${id} is to be a socket and something else`, {
          code: 'USAGE',
          hint: 'name one socket, or key files: --ssh ID=KEY,KEY',
        });
      else {
        const socket = join(site.temporaryDirectory, `agent-${randomBytes(4).toString('hex')}`);
        if (Buffer.byteLength(socket) > longestSocketPath)
          throw new MabuildError(`${socket} is too long for the path of a socket`, {
            code: 'USAGE',
            hint: 'set TMPDIR to a shorter path, or name the socket of a running agent',
          });
        started.push(await startAgent(socket));
        for (const { file } of found) await addKey(socket, file, variables.PATH);
        sockets.set(id, socket);
      }
    }
    return { sockets, close };
  } catch (error) {
    close();
    throw error;
  }

  async function startAgent(socket: string): Promise<ChildProcess> {
    const child = spawn('ssh-agent', ['-a', socket, 'cat'], {
      env: { PATH: variables.PATH },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      throw new MabuildError('holding an SSH key: there is no ssh-agent command', {
        code: 'USAGE',
        hint: 'install the OpenSSH client, or name the socket of a running agent: --ssh ID=SOCKET',
        cause,
      });
    }
    child.stdin?.on('error', () => undefined);
    // What cat gives back says that the agent listens.
    child.stdin?.write('.');
    const [ready] = await Promise.race([
      once(child.stdout as NodeJS.ReadableStream, 'data'),
      once(child, 'close'),
    ]);
    if (Buffer.isBuffer(ready)) {
      child.unref();
      return child;
    }
    throw new MabuildError('ssh-agent ended before it had a key', {
      code: 'USAGE',
      hint: 'name the socket of a running agent: --ssh ID=SOCKET',
    });
  }
}

/** The key goes through a pipe: neither its place nor its mode matters, and nobody is asked for a passphrase. */
async function addKey(socket: string, file: string, path: string | undefined): Promise<void> {
  const key = await readFile(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const child = spawn('ssh-add', ['-q', '-'], {
    env: { PATH: path, SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: 'never', LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
    // Without a terminal of its own it cannot ask.
    detached: true,
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(key);
  const said = text(child.stderr as NodeJS.ReadableStream);
  const [code] = await once(child, 'close');
  if (code === 0) return;
  const [why = ''] = (await said).trim().split('\n').slice(-1);
  throw new MabuildError(`${file} is no SSH key that can be used: ${why}`, {
    code: 'USAGE',
    hint: 'a key with a passphrase has to be in an agent: `ssh-add KEY`, then --ssh default',
  });
}
