import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  type CallOptions,
  formatPlatform,
  type ImageReference,
  MabuildError,
  normalizePlatform,
  type Platform,
  platformSatisfies,
} from '@mabuild/oci';
import { abortable } from '../../abortable.ts';
import type { BuildContext } from '../../context/context.ts';
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
import type {
  ContainerRequest,
  ContainerResult,
  Engine,
  EngineBuild,
  EngineBuildOptions,
  EngineImage,
  EngineInfo,
  ExportedImage,
  ExportOptions,
  InspectOptions,
  RunOptions,
} from '../engine.ts';
import { buildClassic } from './classic.ts';
import type { DockerClient } from './client.ts';
import { exportImage } from './export.ts';
import { inspectImage, loadArchive, removeImage, tagImage } from './load.ts';
import { type PullOptions, pullImage } from './pull.ts';
import { hasPlatform, runContainer } from './run.ts';
import { saveImage } from './save.ts';

/** Builds through BuildKit; holds the session that concurrent builds of one context share. */
export interface BuildkitBuilder {
  /** @returns the image's id. @throws BuildFailedError `BUILD_FAILED`. */
  build(
    build: EngineBuild,
    context: BuildContext,
    options: EngineBuildOptions & { readonly hasBridge: boolean },
  ): Promise<string>;
  close(): Promise<void>;
}

export interface DockerEngineOptions {
  /** Negotiated; closed with the engine. */
  readonly client: DockerClient;
  readonly info: EngineInfo;
  /** The engine's kernel is this machine's: its registered formats are read from here. @default false */
  readonly sameKernel?: boolean;
  /** Without it the engine's own BuildKit stays unused, and `info` does not name it. */
  readonly buildkit?: BuildkitBuilder | undefined;
  /** @default `/proc/sys/fs/binfmt_misc` */
  readonly binfmtDirectory?: string | undefined;
  /** Names this installation of an engine; without it nothing is remembered. */
  readonly id?: string | undefined;
  /** Where answers about emulation outlive this engine, for one that shares this machine's kernel. */
  readonly memory?: Memory | undefined;
}

/** A Docker Engine, or podman's compatible service, reached through its API. */
export class DockerEngine implements Engine {
  readonly info: EngineInfo;
  readonly client: DockerClient;
  readonly #options: DockerEngineOptions;
  readonly #closing = new AbortController();
  readonly #emulations = new Map<string, Promise<Emulation>>();
  #binfmtEntries: Promise<readonly BinfmtEntry[] | undefined> | undefined;

  constructor(options: DockerEngineOptions) {
    this.#options = options;
    this.client = options.client;
    const { info, buildkit } = options;
    this.info = {
      ...info,
      builders: info.builders.filter((builder) => builder === 'classic' || buildkit !== undefined),
    };
  }

  async emulation(platform: Platform, options: CallOptions = {}): Promise<Emulation> {
    const { signal } = options;
    signal?.throwIfAborted();
    const wanted = normalizePlatform(platform);
    const key = formatPlatform(wanted);
    let answer = this.#emulations.get(key);
    if (answer === undefined) {
      // Not stopped by one caller's signal: others may wait for the same answer.
      answer = this.#ask(wanted);
      answer.catch(() => this.#emulations.delete(key));
      this.#emulations.set(key, answer);
    }
    return await abortable(answer, signal);
  }

  async build(build: EngineBuild, context: BuildContext, options: EngineBuildOptions): Promise<EngineImage> {
    const { hasBridge } = this.info;
    if (options.secrets && build.builder === 'classic') throw withoutSecrets();
    if (build.builder === 'buildkit' && !this.info.capabilities.runNetwork) refuseLimits(build, this.info);
    const id = await (build.builder === 'buildkit'
      ? this.#buildkit().build(build, context, { ...options, hasBridge })
      : buildClassic(this.client, build, context, { ...options, hasBridge }));
    const image = await inspectImage(this.client, id, { signal: options.signal });
    if (image !== undefined) return image;
    throw new MabuildError(
      `the engine at ${this.client.endpoint} no longer has ${id}, which it has just built`,
      {
        code: 'ENGINE_ANSWER_INVALID',
        hint: 'is something pruning images while mabuild builds? Try again',
      },
    );
  }

  async export(imageId: string, options: ExportOptions): Promise<ExportedImage> {
    return await exportImage(this.client, imageId, options);
  }

  async save(image: string, options: CallOptions = {}): Promise<Readable> {
    return await saveImage(this.client, image, options);
  }

  async load(archive: Readable, options: CallOptions = {}): Promise<readonly string[]> {
    return await loadArchive(this.client, archive, options);
  }

  async tag(imageId: string, reference: ImageReference, options: CallOptions = {}): Promise<void> {
    await tagImage(this.client, imageId, reference, options);
  }

  async pull(reference: ImageReference, options: PullOptions): Promise<void> {
    await pullImage(this.client, reference, options);
  }

  async inspect(image: string, options: InspectOptions = {}): Promise<EngineImage | undefined> {
    const found = await inspectImage(this.client, image, options);
    const { platform } = options;
    if (found === undefined || platform === undefined || platformSatisfies(found.platform, platform))
      return found;
    if (this.info.imageStore === 'graphdriver') return found;
    return (await hasPlatform(this.client, found.id, platform, options)) ? { ...found, platform } : found;
  }

  async run(request: ContainerRequest, options: RunOptions = {}): Promise<ContainerResult> {
    return await runContainer(this.client, request, { ...options, hasBridge: this.info.hasBridge });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#emulations.values());
    await this.#options.buildkit?.close();
    await this.client.close();
  }

  #buildkit(): BuildkitBuilder {
    if (this.#options.buildkit !== undefined) return this.#options.buildkit;
    throw new MabuildError(`the engine at ${this.client.endpoint} is not used with BuildKit`, {
      code: 'ENGINE_LACKS_BUILDER',
      hint: 'build with the classic builder',
    });
  }

  /** Probes once for each state of this machine: a probe costs two containers' worth of time. */
  async #ask(platform: Platform): Promise<Emulation> {
    const { memory, id, sameKernel } = this.#options;
    const state =
      memory && id && sameKernel ? await binfmtFingerprint(this.#options.binfmtDirectory) : undefined;
    const key =
      state === undefined
        ? undefined
        : JSON.stringify([id, this.info.version, formatPlatform(platform), state]);
    const remembered = key === undefined ? undefined : await memory?.get('emulation', key);
    if (isEmulation(remembered)) return remembered;
    const answer = await probeEmulation(platform, this.#probeHost());
    if (key !== undefined) await memory?.set('emulation', key, answer);
    return answer;
  }

  #probeHost(): ProbeHost {
    const directory = this.#options.binfmtDirectory ?? binfmtDirectory;
    const host: ProbeHost = {
      platform: this.info.platform,
      runProgram: (program, platform, options = {}) => this.#runProgram(program, platform, options),
      // Read once: several platforms are asked for side by side.
      binfmtEntries: () => {
        this.#binfmtEntries ??= this.#options.sameKernel
          ? readBinfmtEntries(directory)
          : readBinfmtThrough(host, binfmtDirectory);
        return this.#binfmtEntries;
      },
    };
    return host;
  }

  /** Loads a program as an image under a name of its own, runs it and takes the image away. */
  async #runProgram(
    ...[program, platform, options = {}]: Parameters<ProbeHost['runProgram']>
  ): ReturnType<ProbeHost['runProgram']> {
    const { signal } = this.#closing;
    // Its own name, so that another mabuild's removal does not take this one's image.
    const name = `mabuild-probe:${randomUUID()}`;
    const stdout: Uint8Array[] = [];
    try {
      await loadArchive(this.client, programImage(program, platform, name), { signal });
      const { exitCode, stderr } = await runContainer(
        this.client,
        {
          image: name,
          network: 'none',
          ...(options.arguments && { command: options.arguments }),
          ...(options.bind && { binds: [`${options.bind}:ro`] }),
        },
        {
          signal,
          hasBridge: this.info.hasBridge,
          onOutput: (stream, chunk) => void (stream === 'stdout' && stdout.push(chunk)),
        },
      );
      return { exitCode, stderr, stdout: Buffer.concat(stdout) };
    } finally {
      await removeImage(this.client, name);
    }
  }
}

/** Before Docker 23 its BuildKit is asked for limits and says nothing. */
function refuseLimits({ settings }: EngineBuild, { version }: EngineInfo): void {
  if (settings === undefined || (settings.shmSize === undefined && settings.ulimits.length === 0)) return;
  throw new MabuildError(`the BuildKit of Docker ${version} leaves --shm-size and --ulimit unheeded`, {
    code: 'ENGINE_TOO_OLD',
    hint: 'build with --engine classic or embedded, or with Docker 23 or newer',
  });
}

function withoutSecrets(): MabuildError {
  return new MabuildError('the classic builder has no secrets and no SSH agents', {
    code: 'NEEDS_BUILDKIT',
    hint: 'leave --secret and --ssh out, or build with --engine buildkit or embedded',
  });
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
