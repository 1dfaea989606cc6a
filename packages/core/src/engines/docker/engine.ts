import type { Readable } from 'node:stream';
import {
  type CallOptions,
  type ImageReference,
  MabuildError,
  type Platform,
  platformSatisfies,
} from '@mabuild/oci';
import type { BuildContext } from '../../context/context.ts';
import type { Emulation } from '../../emulation/emulation.ts';
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
import {
  type EngineEmulation,
  type EngineEmulationOptions,
  openEngineEmulation,
} from './engine-emulation.ts';
import { exportImage } from './export.ts';
import { inspectImage, loadArchive, tagImage } from './load.ts';
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

export interface DockerEngineOptions extends EngineEmulationOptions {
  /** Without it the engine's own BuildKit stays unused, and `info` does not name it. */
  readonly buildkit?: BuildkitBuilder | undefined;
}

/** A Docker Engine, or podman's compatible service, reached through its API; closing it closes its client. */
export class DockerEngine implements Engine {
  readonly info: EngineInfo;
  readonly client: DockerClient;
  readonly #options: DockerEngineOptions;
  readonly #emulation: EngineEmulation;

  constructor(options: DockerEngineOptions) {
    this.#options = options;
    this.client = options.client;
    const { info, buildkit } = options;
    this.info = {
      ...info,
      builders: info.builders.filter((builder) => builder === 'classic' || buildkit !== undefined),
    };
    this.#emulation = openEngineEmulation(options);
  }

  emulation(platform: Platform, options: CallOptions = {}): Promise<Emulation> {
    return this.#emulation.of(platform, options);
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
    await this.#emulation.close();
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
