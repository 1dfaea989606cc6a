import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  BlobStore,
  type CallOptions,
  formatPlatform,
  type ImageResolver,
  MabuildError,
  type Platform,
  platformSatisfies,
} from '@mabuild/oci';
import type { AddedFile, BuildContext } from '../../context/context.ts';
import { binfmtFingerprint } from '../../emulation/binfmt.ts';
import type { Emulation } from '../../emulation/emulation.ts';
import type { Memory } from '../../memory.ts';
import type {
  ContainerResult,
  Engine,
  EngineBuild,
  EngineBuildOptions,
  EngineImage,
  EngineInfo,
  ExportedImage,
  ExportedLayer,
  ExportOptions,
} from '../engine.ts';
import type { BuildCache } from './cache/build-cache.ts';
import type { Claim } from './cache/leases.ts';
import { createRunCache } from './cache/run-cache.ts';
import { createDownloads, type WebReader } from './downloads.ts';
import { imageConfig } from './image.ts';
import { embeddedInfo } from './info.ts';
import { contextTree } from './layers/context-tree.ts';
import { createLayerScanner, type StoredLayer } from './layers/layer-scanner.ts';
import { createLayerWriter } from './layers/layer-writer.ts';
import type { Tree } from './layers/tree.ts';
import { createRepositories } from './repositories.ts';
import type { RunRequest } from './run-request.ts';
import { solve } from './solve.ts';
import type { SolveWorld } from './solve-world.ts';
import type { RunProgram } from './steps/run.ts';

export interface EmbeddedEngineOptions {
  /** Where bases come from. */
  readonly resolver: ImageResolver;
  /** Where layers are kept: what `finish` publishes from. */
  readonly blobDirectory: string;
  readonly memory: Memory;
  /** Says what is used of `blobDirectory`. @default nobody deletes from it */
  readonly claim?: Claim | undefined;
  /** Caches that are kept elsewhere. @default none */
  readonly cache?: BuildCache | undefined;
  /** For what lives as long as the engine; `close` deletes what the engine put there. */
  readonly temporaryDirectory: string;
  /** This machine. */
  readonly platform: Platform;
  /** Why this engine: `--engine embedded`, or that no other was found. */
  readonly foundBy: string;
  /** Shown by `mabuild doctor`. */
  readonly version: string;
  /** Reads what ADD fetches. */
  readonly web: WebReader;
  /** For git: `PATH`, `HOME`, `SSH_AUTH_SOCK`, proxies, … */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Executes RUN. @default RUN is refused */
  readonly run?: RunProgram | undefined;
  /** Begins what the first RUN of a platform over these layers will wait for; never rejects. @default nothing is begun early */
  readonly prepareRun?: SolveWorld['prepareRun'];
  /**
   * Names the sandbox that a RUN gets where files cannot have all owners: what is made there is remembered for
   * such sandboxes only. @default they can
   */
  readonly runLimits?:
    | ((request: RunRequest, options: CallOptions) => Promise<string | undefined>)
    | undefined;
  /** Says why RUN of a platform cannot be kept from the network. @default it can */
  readonly lacksNetworks?:
    | ((platform: Platform, options: CallOptions) => Promise<string | undefined>)
    | undefined;
  /** Says how programs of a platform run in RUN. @default this machine's own run, and no others */
  readonly emulation?: ((platform: Platform, options: CallOptions) => Promise<Emulation>) | undefined;
  /**
   * What the answer of `emulation` depends on besides this machine and its registrations: the user, where emulators are.
   * With it, an answer is remembered until a restart or a registration. @default nothing is remembered
   */
  readonly emulationScope?: string | undefined;
}

/** Makes the engine that builds in this process, with no daemon. */
export function openEmbeddedEngine(options: EmbeddedEngineOptions): Engine {
  return new EmbeddedEngine(options);
}

interface BuiltHere {
  readonly config: Buffer;
  readonly image: EngineImage;
  readonly layers: readonly StoredLayer[];
}

class EmbeddedEngine implements Engine {
  readonly info: EngineInfo;
  readonly #options: EmbeddedEngineOptions;
  readonly #world: SolveWorld;
  readonly #store: BlobStore;
  readonly #temporaryDirectory: string;
  readonly #images = new Map<string, BuiltHere>();
  /** One for all platforms: what is registered meanwhile is found by the next build. */
  #binfmt: Promise<string | undefined> | undefined;
  readonly #times = new WeakMap<BuildContext, number>();
  readonly #trees = new WeakMap<BuildContext, Map<string, Promise<Tree>>>();

  constructor(options: EmbeddedEngineOptions) {
    const { platform, foundBy, version, memory, resolver } = options;
    this.#options = options;
    this.info = embeddedInfo(platform, foundBy, version);
    this.#store = new BlobStore(options.blobDirectory, { claim: options.claim });
    this.#temporaryDirectory = join(options.temporaryDirectory, 'embedded');
    const temporaryDirectory = this.#temporaryDirectory;
    const { cache } = options;
    const writer = createLayerWriter({ store: this.#store, memory, imported: cache?.imported });
    this.#world = {
      host: platform,
      resolver,
      temporaryDirectory,
      scanner: createLayerScanner({ memory, temporaryDirectory }),
      ...{ writer, cache },
      runs: createRunCache(memory, writer),
      now: (context) => this.#now(context),
      tree: (build, context, call) => this.#tree(context, build.addedFiles, call),
      download: createDownloads(options.web, temporaryDirectory),
      repository: createRepositories(temporaryDirectory, options.variables),
      run: options.run,
      prepareRun: options.prepareRun,
      runLimits: options.runLimits,
      lacksNetworks: options.lacksNetworks,
    };
  }

  async emulation(platform: Platform, options: CallOptions = {}): Promise<Emulation> {
    const ask = this.#options.emulation;
    if (ask) return await this.#remembered(platform, () => ask(platform, options));
    return { kind: platformSatisfies(platform, this.info.platform) ? 'native' : 'none' };
  }

  async build(build: EngineBuild, context: BuildContext, options: EngineBuildOptions): Promise<EngineImage> {
    const state = await solve(build, context, this.#world, options);
    const { bytes, id } = imageConfig(state);
    const image = { id, platform: state.platform };
    this.#images.set(id, { config: bytes, image, layers: state.layers });
    return image;
  }

  async export(imageId: string, options: ExportOptions): Promise<ExportedImage> {
    const built = this.#images.get(imageId);
    if (!built) throw this.#cannot(`has no image ${imageId}`, 'it keeps images only while it builds');
    const layers = built.layers.map(async ({ diffId, descriptor, ...layer }): Promise<ExportedLayer> => {
      // What is published is looked at first, wherever it comes from.
      const facts = layer.fetch ? await layer.fetch(options) : layer.facts;
      const file = (await this.#store.has(descriptor)) ? this.#store.fileOf(descriptor.digest) : undefined;
      const compression = compressionOfType(descriptor.mediaType);
      return {
        path: descriptor.digest,
        diffId,
        file,
        compression,
        stored: descriptor,
        ...(facts && { facts }),
      };
    });
    return { config: built.config, layers: await Promise.all(layers) };
  }

  async inspect(image: string): Promise<EngineImage | undefined> {
    return this.#images.get(image)?.image;
  }

  async save(): Promise<Readable> {
    throw this.#cannot('keeps no images', 'write it with -o oci:DIR or -o docker-archive:FILE');
  }

  async load(): Promise<readonly string[]> {
    throw this.#cannot(
      'has no store to load images into',
      'write it with -o oci:DIR or -o docker-archive:FILE, or publish it with --push',
    );
  }

  async tag(): Promise<void> {
    throw this.#cannot('keeps no names', 'publish it with --push');
  }

  async pull(): Promise<void> {
    throw this.#cannot('keeps no images', 'use `mabuild pull` to write one to a folder or file');
  }

  async run(): Promise<ContainerResult> {
    throw this.#cannot('keeps no images to run', 'use `mabuild run`, or start Docker or podman');
  }

  async close(): Promise<void> {
    await rm(this.#temporaryDirectory, { recursive: true, force: true });
  }

  /** Trying takes seconds; a build whose steps are all remembered takes none. */
  async #remembered(platform: Platform, ask: () => Promise<Emulation>): Promise<Emulation> {
    const { emulationScope, memory } = this.#options;
    if (emulationScope === undefined) return await ask();
    this.#binfmt ??= binfmtFingerprint();
    const state = await this.#binfmt;
    if (state === undefined) return await ask();
    const key = JSON.stringify([1, formatPlatform(platform), emulationScope, state]);
    const known = await memory.get('embedded-emulation', key);
    if (isEmulation(known)) return known;
    const answer = await ask();
    // What is missing may be installed any time.
    if (answer.kind !== 'none') await memory.set('embedded-emulation', key, answer);
    return answer;
  }

  /** Platforms whose steps make the same files share their layers only when the times are the same too. */
  #now(context: BuildContext): number {
    const now = this.#times.get(context) ?? Math.floor(Date.now() / 1000);
    this.#times.set(context, now);
    return now;
  }

  #tree(context: BuildContext, added: readonly AddedFile[], options: CallOptions): Promise<Tree> {
    const trees = this.#trees.get(context) ?? new Map<string, Promise<Tree>>();
    this.#trees.set(context, trees);
    const key = JSON.stringify(added);
    const tree = trees.get(key) ?? contextTree(context, added, options);
    trees.set(key, tree);
    return tree;
  }

  #cannot(what: string, hint: string): MabuildError {
    return new MabuildError(`the embedded engine ${what}`, { code: 'ENGINE_CANNOT', hint });
  }
}

function isEmulation(value: unknown): value is Emulation {
  const { kind } = (value ?? {}) as { kind?: unknown };
  return kind === 'native' || kind === 'binfmt' || kind === 'started-through';
}

function compressionOfType(mediaType: string): ExportedLayer['compression'] {
  if (mediaType.endsWith('zstd')) return 'zstd';
  return mediaType.endsWith('gzip') ? 'gzip' : 'none';
}
