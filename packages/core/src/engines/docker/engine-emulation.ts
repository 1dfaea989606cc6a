import { randomUUID } from 'node:crypto';
import { type CallOptions, formatPlatform, normalizePlatform, type Platform } from '@mabuild/oci';
import { abortable } from '../../abortable.ts';
import {
  type BinfmtEntry,
  binfmtDirectory,
  binfmtFingerprint,
  readBinfmtEntries,
} from '../../emulation/binfmt.ts';
import type { Emulation } from '../../emulation/emulation.ts';
import { type ProbeHost, probeEmulation, readBinfmtThrough } from '../../emulation/probe.ts';
import { programImage } from '../../emulation/program-image.ts';
import type { Memory } from '../../memory.ts';
import type { EngineInfo } from '../engine.ts';
import type { DockerClient } from './client.ts';
import { loadArchive, removeImage } from './load.ts';
import { runContainer } from './run.ts';

export interface EngineEmulationOptions {
  /** Negotiated. */
  readonly client: DockerClient;
  readonly info: EngineInfo;
  /** The engine's kernel is this machine's: its registered formats are read from here. @default false */
  readonly sameKernel?: boolean;
  /** @default `/proc/sys/fs/binfmt_misc` */
  readonly binfmtDirectory?: string | undefined;
  /** Names this installation of an engine; without it nothing is remembered. */
  readonly id?: string | undefined;
  /** Where answers outlive this engine, for one that shares this machine's kernel. */
  readonly memory?: Memory | undefined;
}

/** How an engine's host runs programs of other platforms; each is probed once. */
export interface EngineEmulation {
  of(platform: Platform, options?: CallOptions): Promise<Emulation>;
  /** Stops what is being probed, and waits for it. */
  close(): Promise<void>;
}

/** Opens a way to ask an engine's host by running tiny programs in its containers. */
export function openEngineEmulation(options: EngineEmulationOptions): EngineEmulation {
  const closing = new AbortController();
  const host = probeHost(options, closing.signal);
  const answers = new Map<string, Promise<Emulation>>();
  return {
    async of(platform, { signal } = {}) {
      signal?.throwIfAborted();
      const wanted = normalizePlatform(platform);
      const key = formatPlatform(wanted);
      let answer = answers.get(key);
      if (answer === undefined) {
        // Not stopped by one caller's signal: others may wait for the same answer.
        answer = ask(wanted, host, options);
        answer.catch(() => answers.delete(key));
        answers.set(key, answer);
      }
      return await abortable(answer, signal);
    },
    async close() {
      closing.abort();
      await Promise.allSettled(answers.values());
    },
  };
}

/** Probes once for each state of this machine: a probe costs two containers' worth of time. */
async function ask(
  platform: Platform,
  host: ProbeHost,
  { memory, id, sameKernel, info, ...options }: EngineEmulationOptions,
): Promise<Emulation> {
  const state = memory && id && sameKernel ? await binfmtFingerprint(options.binfmtDirectory) : undefined;
  const key =
    state === undefined ? undefined : JSON.stringify([id, info.version, formatPlatform(platform), state]);
  const remembered = key === undefined ? undefined : await memory?.get('emulation', key);
  if (isEmulation(remembered)) return remembered;
  const answer = await probeEmulation(platform, host);
  if (key !== undefined) await memory?.set('emulation', key, answer);
  return answer;
}

function probeHost(options: EngineEmulationOptions, signal: AbortSignal): ProbeHost {
  const directory = options.binfmtDirectory ?? binfmtDirectory;
  let entries: Promise<readonly BinfmtEntry[] | undefined> | undefined;
  const host: ProbeHost = {
    platform: options.info.platform,
    runProgram: (...request) => runProgram(request, options, signal),
    // Read once: several platforms are asked for side by side.
    binfmtEntries: () => {
      entries ??= options.sameKernel
        ? readBinfmtEntries(directory)
        : readBinfmtThrough(host, binfmtDirectory);
      return entries;
    },
  };
  return host;
}

/** Loads a program as an image under a name of its own, runs it and takes the image away. */
async function runProgram(
  [program, platform, how = {}]: Parameters<ProbeHost['runProgram']>,
  { client, info }: EngineEmulationOptions,
  signal: AbortSignal,
): ReturnType<ProbeHost['runProgram']> {
  signal.throwIfAborted();
  // Its own name, so that another mabuild's removal does not take this one's image.
  const name = `mabuild-probe:${randomUUID()}`;
  const stdout: Uint8Array[] = [];
  try {
    // Not aborted half-way: the engine would go on, and have the image after it was removed.
    await loadArchive(client, programImage(program, platform, name));
    const { exitCode, stderr } = await runContainer(
      client,
      {
        image: name,
        network: 'none',
        ...(how.arguments && { command: how.arguments }),
        ...(how.bind && { binds: [`${how.bind}:ro`] }),
      },
      {
        signal,
        hasBridge: info.hasBridge,
        onOutput: (stream, chunk) => void (stream === 'stdout' && stdout.push(chunk)),
      },
    );
    return { exitCode, stderr, stdout: Buffer.concat(stdout) };
  } finally {
    await removeImage(client, name);
  }
}

function isEmulation(value: unknown): value is Emulation {
  const { kind, interpreter } = (value ?? {}) as { kind?: unknown; interpreter?: unknown };
  if (kind === 'binfmt-without-f') return typeof interpreter === 'string';
  return (
    kind === 'native' ||
    kind === 'none' ||
    (kind === 'binfmt' && ['string', 'undefined'].includes(typeof interpreter))
  );
}
