import { Readable } from 'node:stream';
import { type CallOptions, isMabuildError, MabuildError, type Memory, type Platform } from '@mabuild/oci';
import { probeExitCode, probeProgram } from '../../../../emulation/elf-program.ts';
import { errnoName } from '../calls/errno.ts';
import { type HelperSite, runJob } from '../helper/helper-process.ts';
import type { JobEmulator, JobMessage, SandboxJob, SandboxKind } from '../helper/job.ts';
import { layerTar } from '../helper/layer-tar.ts';
import { notKept } from './kept-files.ts';
import { findProot, type ProotPlace } from './proot-program.ts';
import { idMaps } from './user-ids.ts';

/** What a sandbox is made with. */
export interface SandboxOptions {
  /** Node and the module that calls `serveSandbox`. */
  readonly helper: readonly string[];
  /** Where unpacked layers and caches of mounts are kept. */
  readonly directory: string;
  /** This machine. */
  readonly platform: Platform;
  /** This process. */
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  /** Folders with static qemu programs, or such programs themselves. */
  readonly emulators: readonly string[];
  /** Where proot is looked for. */
  readonly proot: readonly ProotPlace[];
  /** Knows what worked in earlier builds. @default everything is tried */
  readonly memory?: Memory | undefined;
  /** Says what is used of `directory`. @default nobody deletes from it */
  readonly claim?: ((path: string) => Promise<void>) | undefined;
  /** Only these are tried. @default all that this user can have */
  readonly only?: readonly (readonly [SandboxKind, 'overlay' | 'copy'])[] | undefined;
}

/** A sandbox that works here. */
export interface ChosenSandbox {
  readonly kind: SandboxKind;
  readonly fileSystem: 'overlay' | 'copy';
  /** Files belong to one user only: `chown` and USER do not work. */
  readonly singleUser: boolean;
  readonly site: HelperSite;
  /** Everything of a job that is the same for all. */
  readonly job: Pick<
    SandboxJob,
    'architecture' | 'kind' | 'fileSystem' | 'singleUser' | 'directory' | 'proot'
  >;
}

/** A sandbox that was tried, for `mabuild doctor`. */
export interface TriedSandbox {
  readonly kind: SandboxKind;
  readonly fileSystem: 'overlay' | 'copy';
  /** Why it was not taken; `undefined` for the one that was. */
  readonly refused: string | undefined;
  /** What to do about that, where it is not the kernel that refuses. */
  readonly hint?: string | undefined;
}

export interface SandboxChoice {
  readonly chosen: ChosenSandbox | undefined;
  readonly tried: readonly TriedSandbox[];
}

type Order = NonNullable<SandboxOptions['only']>;

const doctorHint = 'see `mabuild doctor`';

const userNamespaces: Order = [
  ['user-namespace', 'overlay'],
  ['user-namespace', 'copy'],
];
const userOrder: Order = [...userNamespaces, ['proot', 'copy']];
const rootOrder: Order = [
  ['namespaces', 'overlay'],
  ...userNamespaces,
  ['namespaces', 'copy'],
  ['chroot', 'copy'],
  ['proot', 'copy'],
];

/** The sandboxes that this user can have, the best first. */
export function sandboxOrder({ only, uid }: Pick<SandboxOptions, 'only' | 'uid'>): Order {
  return only ?? (uid === 0 ? rootOrder : userOrder);
}

/** Tries the sandboxes in order, by running a tiny program in each, until one works. */
export async function chooseSandbox(options: SandboxOptions, call: CallOptions = {}): Promise<SandboxChoice> {
  const tried: TriedSandbox[] = [];
  const absent = new Set<SandboxKind>();
  const lack = await notKept(options.directory);
  if (lack !== undefined) {
    const refused = `the file system of ${options.directory} does not keep ${lack}`;
    const hint = 'put the cache on a file system of Linux, as ext4, xfs, btrfs or tmpfs: set MABUILD_CACHE';
    const [[kind, fileSystem] = ['proot', 'copy'] as const] = sandboxOrder(options);
    return { chosen: undefined, tried: [{ kind, fileSystem, refused, hint }] };
  }
  for (const [kind, fileSystem] of sandboxOrder(options)) {
    if (absent.has(kind)) continue;
    try {
      const sandbox = await withProot(await prepareSandbox(options, kind, fileSystem), options);
      await probe(sandbox, options.platform, [], call);
      return { chosen: sandbox, tried: [...tried, { kind, fileSystem, refused: undefined }] };
    } catch (error) {
      call.signal?.throwIfAborted();
      if (!isMabuildError(error)) throw error;
      const hint = error.hint === doctorHint ? undefined : error.hint;
      tried.push({ kind, fileSystem, refused: error.message, ...(hint === undefined ? {} : { hint }) });
      // What does not start at all does not start with another file system either.
      if (error.code === 'SANDBOX_UNAVAILABLE') absent.add(kind);
    }
  }
  return { chosen: undefined, tried };
}

/** The error of a machine on which nothing works. */
export function noSandbox(tried: readonly TriedSandbox[]): MabuildError {
  const reasons = tried.map(({ kind, fileSystem, refused }) => `${kind}, ${fileSystem}: ${refused}`);
  // Proot may be missing besides.
  const [{ hint } = {}] = tried.filter(({ kind }) => kind !== 'proot');
  return new MabuildError(`RUN needs a sandbox, and none works here (${reasons.join('; ')})`, {
    code: 'SANDBOX_UNAVAILABLE',
    hint:
      hint ??
      'get one that works almost everywhere with `mabuild emulator fetch proot`; `mabuild doctor` says what would allow a better one; or build as root, or start a Docker Engine',
  });
}

/** How a sandbox of a kind is made, whether it works or not. */
export async function prepareSandbox(
  options: SandboxOptions,
  kind: SandboxKind,
  fileSystem: 'overlay' | 'copy',
): Promise<ChosenSandbox> {
  const { uid, gid, userName, platform } = options;
  const { architecture } = platform;
  const ids = await idMaps({ uid, gid, userName });
  const alone = kind === 'user-namespace' && ids.kind === 'single';
  const singleUser = alone || kind === 'proot';
  // Files have other owners and marks in each.
  const directory = `${options.directory}/${kind}-${fileSystem}${alone ? '-single' : ''}`;
  return {
    ...{ kind, fileSystem, singleUser },
    site: { command: options.helper, architecture, kind, ids, directory },
    job: { architecture, kind, fileSystem, singleUser, directory, proot: [] },
  };
}

/** Adds how proot is started, to a sandbox that is made with it. @throws MabuildError `SANDBOX_UNAVAILABLE` where there is none */
export async function withProot(sandbox: ChosenSandbox, { proot }: SandboxOptions): Promise<ChosenSandbox> {
  if (sandbox.kind !== 'proot') return sandbox;
  return { ...sandbox, job: { ...sandbox.job, proot: await findProot(proot) } };
}

/** Runs the probe program of a platform in a sandbox: it comes as a mount, so that nothing stays. @throws MabuildError when it does not run */
export async function probe(
  { site, job }: ChosenSandbox,
  platform: Platform,
  emulators: readonly JobEmulator[],
  options: CallOptions,
): Promise<void> {
  const program = probeProgram(platform) ?? new Uint8Array(0);
  const open = async (): Promise<Readable> => Readable.from([program], { objectMode: false });
  const file = { uid: 0, gid: 0, mtime: 0, size: program.length, open };
  const tar = layerTar([{ path: 'program', type: 'file', mode: 0o755, ...file }]);
  const messages = await runJob(
    site,
    {
      ...job,
      layers: [],
      run: {
        command: {
          arguments: ['/program'],
          environment: {},
          directory: '/',
          user: { uid: 0, gid: 0, groups: [] },
        },
        mounts: [{ kind: 'bind', target: '/program', from: 'tar', path: 'program', readOnly: true }],
        network: 'host',
        emulators,
        files: { resolv: '', hosts: '' },
        hostname: 'probe',
        contents: '/dev/null',
      },
    },
    { signal: options.signal, streams: [async () => tar] },
  );
  const problem = probeProblem(messages);
  if (problem !== undefined) {
    throw new MabuildError(`trying a sandbox: ${problem}`, {
      code: 'SANDBOX_FAILED',
      hint: doctorHint,
    });
  }
}

function probeProblem(messages: readonly JobMessage[]): string | undefined {
  for (const message of messages) {
    if (message.kind === 'exited')
      return message.code === probeExitCode ? undefined : `its program ended with ${message.code}`;
    if (message.kind === 'not-started') return `could not ${message.purpose} (${errnoName(message.errno)})`;
  }
  return 'its program did not start';
}
