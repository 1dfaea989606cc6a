import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import type { ResolvedBase } from '../../bases/resolve-bases.ts';
import type { Memory } from '../../memory.ts';
import type { ContainerRequest } from '../engine.ts';
import { parsePort } from '../published-port.ts';
import { CopyError } from './copy/layer-draft.ts';
import { imageState } from './first-state.ts';
import { createLayerScanner } from './layers/layer-scanner.ts';
import { errnoName, errorText } from './sandbox/calls/errno.ts';
import { platformRefused } from './sandbox/choice/emulators.ts';
import { containerUser, type NamedUser } from './sandbox/container-user.ts';
import { openInputPipe } from './sandbox/input-pipe.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import type { SandboxCallOptions } from './sandbox/sandbox-request.ts';
import { listIn, type StageState, textIn } from './state.ts';

/** An image of one platform, where its layers can be read. */
export type RunnableImage = Pick<ResolvedBase, 'config' | 'manifest' | 'platform' | 'source'>;

export interface RunImageOptions extends SandboxCallOptions {
  readonly memory: Memory;
  /** Standard input of the program. @default none */
  readonly input?: Readable | undefined;
  /** The caller deletes it. */
  readonly temporaryDirectory: string;
}

/**
 * Runs an image's program to its end, with this machine's network; what it changed is thrown away.
 *
 * @returns its exit code; as with `docker run`, 127 when the program is not there and 126 when it does not start
 * @throws MabuildError `ENGINE_CANNOT`, `USAGE`, `INVALID_CONFIG`, `INVALID_PORT`, `EMULATION_MISSING`, `SANDBOX_…`
 */
export async function runImageIn(
  sandbox: Sandbox,
  image: RunnableImage,
  request: Omit<ContainerRequest, 'image' | 'platform'>,
  options: RunImageOptions,
): Promise<number> {
  refuse(request);
  const { memory, temporaryDirectory, input, ...call } = options;
  const { platform } = image;
  const emulation = await sandbox.emulation(platform, call);
  if (emulation.kind === 'none') throw platformRefused(platform, emulation.why ?? '');
  const lacking = request.network === 'none' ? await sandbox.lacksNetworks(platform, call) : undefined;
  if (lacking !== undefined)
    throw new MabuildError(`running with --network none cannot be done here: ${lacking}`, {
      code: 'SANDBOX_UNAVAILABLE',
      hint: 'run it where namespaces are allowed (`mabuild doctor` says what would allow them), or leave out --network none',
    });
  const scanner = createLayerScanner({ memory, temporaryDirectory });
  const state = imageState(image, (layer) => scanner.entries(layer, call));
  const command = commandOf(state, request);
  const { home, ...user } = await userOf(state);
  if (input) await mkdir(temporaryDirectory, { recursive: true });
  const pipe = input && openInputPipe(join(temporaryDirectory, `input-${randomUUID()}`), input);
  const running = sandbox.execute(
    {
      ...{ platform, layers: state.layers, mounts: [], temporaryDirectory, discards: true },
      command: {
        ...{ arguments: command, user, makesDirectory: true, input: pipe?.path },
        environment: { HOME: home, ...Object.fromEntries(state.variables), ...request.environment },
        directory: textIn(state.config, 'WorkingDir') || '/',
      },
      network: request.network === 'none' ? 'none' : 'host',
    },
    { ...call, onTakesInput: () => pipe?.begin() },
  );
  const result = await running.finally(() => pipe?.close());
  if (result.kind === 'exited') return result.code;
  if (result.kind === 'changed') throw new TypeError('changes of a container were kept');
  const { purpose, errno } = result;
  const reason = `could not ${purpose}: ${errorText(errno)}`;
  if (!purpose.startsWith('start ')) throw notEntered(reason, user.uid);
  call.onOutput?.('stderr', Buffer.from(`mabuild: ${reason}\n`));
  return errnoName(errno) === 'ENOENT' ? 127 : 126;
}

function commandOf(
  { config }: StageState,
  request: Pick<ContainerRequest, 'entrypoint' | 'command'>,
): readonly string[] {
  // `--entrypoint ""` takes the image's away.
  const entrypoint = request.entrypoint?.filter((word, index) => index > 0 || word !== '');
  // As with Docker, the image's arguments are for the image's program.
  const given = request.command ?? (entrypoint ? [] : listIn(config, 'Cmd'));
  const command = [...(entrypoint ?? listIn(config, 'Entrypoint')), ...given];
  if (command.length > 0) return command;
  throw new MabuildError('the image names no command', {
    code: 'USAGE',
    hint: 'give one after --, e.g. -- /bin/sh -c "uname -m"',
  });
}

async function userOf({ config, tree }: StageState): Promise<NamedUser> {
  try {
    return await containerUser(textIn(config, 'User'), tree);
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    const hint = 'correct USER in its Dockerfile';
    throw new MabuildError(error.message, { code: 'INVALID_CONFIG', hint, cause: error });
  }
}

function refuse({ binds = [], ports = [] }: Pick<ContainerRequest, 'binds' | 'ports'>): void {
  if (binds.length > 0) throw cannot('mounts no folders of this machine', 'leave out --volume');
  for (const text of ports) {
    const { container, hostIp, hostPort } = parsePort(text);
    const [port] = container.split('/');
    if (hostIp !== '' || hostPort !== port) {
      const hint = `leave out -p ${text}: the program has this machine's network, ask it at its own port, ${port}`;
      throw cannot(`publishes no port as another one (${text})`, hint);
    }
  }
}

function notEntered(reason: string, uid: number): MabuildError {
  const hint = 'see `mabuild doctor`';
  const needsUsers =
    'a USER needs subordinate users in /etc/subuid and /etc/subgid, and uidmap; or proot, which pretends it: `mabuild emulator fetch proot`';
  return new MabuildError(reason, {
    code: 'SANDBOX_FAILED',
    hint: uid === 0 ? hint : `${needsUsers}; ${hint}`,
  });
}

function cannot(what: string, hint: string): MabuildError {
  return new MabuildError(`the embedded engine ${what}`, {
    code: 'ENGINE_CANNOT',
    hint: `${hint}; or start Docker or podman`,
  });
}
