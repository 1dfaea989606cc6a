import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type CallOptions, formatPlatform, type Platform } from '@mabuild/oci';
import type { Emulation } from '../../../emulation/emulation.ts';
import { type RunSettings, ulimitNumbers } from '../../run-settings.ts';
import { hasChanged } from '../layers/content-digest.ts';
import type { LayerEntry } from '../layers/entry.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import type { ChosenSandbox, SandboxChoice, SandboxOptions } from './choice/choose.ts';
import { type PlatformRun, platformRefused } from './choice/emulators.ts';
import { createPlatformRuns } from './choice/platform-runs.ts';
import { runJob } from './helper/helper-process.ts';
import type { JobEntry, JobLayer, JobMount } from './helper/job.ts';
import { layerTar } from './helper/layer-tar.ts';
import { startEarly } from './helper/start-helper.ts';
import type {
  MountFiles,
  SandboxCallOptions,
  SandboxMount,
  SandboxQuestion,
  SandboxRequest,
  SandboxResult,
} from './sandbox-request.ts';
import { lockCaches } from './shelf/cache-locks.ts';
import { layersOnShelf } from './shelf/missing-layers.ts';
import { noteCacheUse } from './shelf/shelves.ts';

/** Executes commands over layers, apart from the machine. */
export interface Sandbox {
  /** @throws MabuildError `SANDBOX_UNAVAILABLE`, `EMULATION_MISSING`, `SANDBOX_FAILED`, and what unpacking throws */
  execute(request: SandboxRequest, options?: SandboxCallOptions): Promise<SandboxResult>;
  /** Begins what the first command of a platform over these layers will wait for; what goes wrong is told then. */
  prepare(platform: Platform, layers: readonly StoredLayer[], options?: CallOptions): Promise<void>;
  /** How programs of a platform run, proven by running one. */
  emulation(platform: Platform, options?: CallOptions): Promise<Emulation>;
  /** Why a platform's commands cannot be kept from the network; `undefined` when they can. */
  lacksNetworks(platform: Platform, options?: CallOptions): Promise<string | undefined>;
  /** The name of the sandbox that a command gets, where files cannot have all owners in it. */
  limits(command: SandboxQuestion, options?: CallOptions): Promise<string | undefined>;
  /** Which sandboxes were tried, and why they were not taken. */
  choice(options?: CallOptions): Promise<SandboxChoice>;
}

const prootNote =
  'RUN is executed with proot, which is incomplete: chown changes nothing, new files belong to the user of the RUN, and what else this user has is not kept from it; `mabuild doctor` says what would allow a better sandbox';

const usersNote =
  'USER needs another user, and this user namespace has one only: list subordinate users in /etc/subuid and /etc/subgid, and install uidmap, for real ones';

const hostname = 'buildkitsandbox';
const hosts = `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n`;

/** Makes sandboxes for this machine; which kind works is found out once. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const runs = createPlatformRuns(options);
  const unpacking = new Map<string, Promise<void>>();
  const prepared = new Set<string>();
  let isNoted = false;
  const unpacked = (
    sandbox: ChosenSandbox,
    layers: readonly StoredLayer[],
    call: SandboxCallOptions,
  ): Promise<readonly JobLayer[]> =>
    layersOnShelf(sandbox, layers, unpacking, { ...call, claim: options.claim });
  const execute = async (
    { sandbox, emulators, emulation, refused, pretendsUsers }: PlatformRun,
    request: SandboxRequest,
    call: SandboxCallOptions,
  ): Promise<SandboxResult> => {
    if (emulation.kind === 'none') throw platformRefused(request.platform, refused ?? '');
    if (sandbox.kind === 'proot' && !isNoted) {
      isNoted = true;
      call.onNote?.(pretendsUsers ? `${usersNote}; ${prootNote}` : prootNote);
    }
    const layers = await unpacked(sandbox, request.layers, call);
    const streams: (() => Promise<AsyncIterable<Uint8Array>>)[] = [];
    const mounts: JobMount[] = [];
    const compared: Promise<boolean>[] = [];
    const filesOf = async (files: MountFiles): Promise<readonly JobLayer[] | 'tar'> => {
      if ('layers' in files) return await unpacked(sandbox, files.layers, call);
      streams.push(async () =>
        layerTar(files.entries, (entry, digest) => compared.push(hasChanged(entry, digest))),
      );
      return 'tar';
    };
    for (const mount of request.mounts) {
      if (mount.kind === 'bind') mounts.push({ ...mount, from: await filesOf(mount.from) });
      else if (mount.kind === 'cache') {
        const { id = '', sharing: _, ...others } = mount;
        const use = await noteCacheUse(sandbox.site.directory, mount.name, id);
        await options.claim?.(use);
        mounts.push({ ...others, from: mount.from === undefined ? undefined : await filesOf(mount.from) });
      } else mounts.push(mount);
    }
    await mkdir(request.temporaryDirectory, { recursive: true });
    const contents = join(request.temporaryDirectory, `changes-${randomBytes(6).toString('hex')}`);
    const release = (): Promise<void> => rm(contents, { force: true });
    const { command, network, settings } = request;
    const limits = settings?.ulimits.map(
      ({ name, soft, hard }) => [name, ulimitNumbers[name], soft, hard] as const,
    );
    const resolv = network === 'none' ? '' : await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
    const isV6 = request.platform.architecture === 'arm' && request.platform.variant === 'v6';
    const emulated = 'interpreter' in emulation && isV6 ? { QEMU_CPU: 'arm1176' } : {};
    try {
      const messages = await runJob(
        sandbox.site,
        {
          ...sandbox.job,
          layers,
          run: {
            command: { ...command, limits, environment: { ...emulated, ...command.environment } },
            ...{ mounts, network, emulators, hostname, contents },
            discards: request.discards,
            shmSize: settings?.shmSize,
            files: { resolv, hosts: hosts + moreHosts(settings) },
          },
        },
        { ...call, streams },
      );
      if ((await Promise.all(compared)).includes(true)) call.onChangedInput?.();
      let result: SandboxResult = { kind: 'exited', code: 0 };
      for (const message of messages) {
        if (message.kind === 'note') call.onNote?.(message.text);
        else if (message.kind === 'exited' || message.kind === 'not-started') result = message;
        else if (message.kind === 'changed')
          result = {
            kind: 'changed',
            entries: message.entries.map((entry) => opened(entry, contents)),
            release,
          };
      }
      if (result.kind !== 'changed') await release();
      return result;
    } catch (error) {
      await release();
      throw error;
    }
  };
  const executeIn = async (
    run: PlatformRun,
    request: SandboxRequest,
    call: SandboxCallOptions,
  ): Promise<SandboxResult> => {
    const sharing = request.mounts.flatMap((mount) =>
      mount.kind === 'cache' && mount.sharing ? [{ mount, name: mount.name, sharing: mount.sharing }] : [],
    );
    if (sharing.length === 0) return await execute(run, request, call);
    const locks = await lockCaches(run.sandbox.site.directory, sharing, call);
    try {
      const mounts = request.mounts.map((mount) => {
        const index = sharing.findIndex((item) => item.mount === mount);
        return index < 0 ? mount : ({ ...mount, name: locks.names[index] } as SandboxMount);
      });
      return await execute(run, { ...request, mounts }, call);
    } finally {
      await locks.release();
    }
  };
  const runFor = async (
    { platform, network, needsUsers }: SandboxQuestion,
    call: CallOptions,
  ): Promise<PlatformRun> => {
    const run = await runs.of(platform, call);
    const { kind, singleUser } = run.sandbox;
    if (!needsUsers || !singleUser || kind === 'proot' || network === 'none') return run;
    return (await runs.withProot(platform, call)) ?? run;
  };
  return {
    choice: (call = {}) => runs.choice(call),
    async prepare(platform, layers, call = {}) {
      const key = formatPlatform(platform);
      if (prepared.has(key)) return;
      prepared.add(key);
      try {
        const { sandbox, emulation } = await runs.of(platform, call);
        if (emulation.kind === 'none') return;
        startEarly(sandbox.site);
        await unpacked(sandbox, layers, call);
      } catch {
        // The command will find out why.
      }
    },
    async emulation(platform, call = {}) {
      return (await runs.of(platform, call)).emulation;
    },
    async lacksNetworks(platform, call = {}) {
      const { kind } = (await runs.of(platform, call)).sandbox;
      if (kind !== 'chroot' && kind !== 'proot') return undefined;
      const how = kind === 'chroot' ? 'in a changed root' : 'with proot';
      return `RUN is executed ${how}, as this machine allows no namespaces`;
    },
    async limits(question, call = {}) {
      const { kind, singleUser } = (await runFor(question, call)).sandbox;
      return singleUser ? kind : undefined;
    },
    async execute(request, call = {}) {
      const { uid, gid } = request.command.user;
      const run = await runFor({ ...request, needsUsers: uid !== 0 || gid !== 0 }, call);
      const [outcome] = await Promise.allSettled([executeIn(run, request, call)]);
      const doubtful = call.signal?.aborted !== true && isDoubtful(outcome, request);
      const now = doubtful ? await runs.changed(request.platform, run, call) : undefined;
      if (now !== undefined) {
        call.onNote?.(
          'the sandbox of earlier builds works no more: this RUN is executed again, in another one',
        );
        return await executeIn(now, request, call);
      }
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    },
  };
}

/** A sandbox that does not work any more may be why; what a container said cannot be taken back. */
function isDoubtful(outcome: PromiseSettledResult<SandboxResult>, { discards }: SandboxRequest): boolean {
  if (outcome.status === 'rejected') return true;
  const result = outcome.value;
  return (
    result.kind === 'not-started' || (result.kind === 'exited' && result.code !== 0 && discards !== true)
  );
}

/** RUN has this machine's network, so that the way to it is the loopback. */
function moreHosts(settings: RunSettings | undefined): string {
  return (settings?.hosts ?? [])
    .map(({ name, address }) => `${address === 'host-gateway' ? '127.0.0.1' : address}\t${name}\n`)
    .join('');
}

function opened({ at = 0, ...entry }: JobEntry, contents: string): LayerEntry {
  if (entry.type !== 'file') return entry;
  return {
    ...entry,
    open: async () =>
      entry.size === 0
        ? Readable.from([], { objectMode: false })
        : createReadStream(contents, { start: at, end: at + entry.size - 1 }),
  };
}
