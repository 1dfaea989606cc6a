import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BlobStore,
  type CallOptions,
  configPlatform,
  type Descriptor,
  decompressed,
  type EmulatorPlace,
  type FinalLayer,
  type FolderFacts,
  foldersOfLayer,
  formatPlatform,
  type ImageConfig,
  type ImageSource,
  judgeImage,
  MabuildError,
  type MutatedImage,
  mutateImage,
  type Platform,
  parseImageConfig,
  platformSatisfies,
  type VerifyNote,
  type VerifyProblem,
} from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';
import type { Engine, EngineImage, ExportedImage, ExportedLayer } from '../engines/engine.ts';
import type { OnBuildEvent } from '../events.ts';
import type { Memory } from '../memory.ts';
import type { BuildTask } from '../plan/plan.ts';
import type { PlannedTask } from '../plan/plan-request.ts';
import { builtSource } from './built-source.ts';
import { type FinishedLayer, type FinishLayerOptions, finishLayer, rememberedLayer } from './layer.ts';
import { standsOnNothing } from './stands-on-nothing.ts';

/** One platform's image, finished: what may be published. */
export interface BuiltImage {
  readonly task: BuildTask;
  /** The manifest, with its platform. */
  readonly descriptor: Descriptor;
  readonly source: ImageSource;
  readonly config: ImageConfig;
  /** What the engine calls it. */
  readonly imageId: string;
  readonly notes: readonly VerifyNote[];
  readonly seconds: number;
}

export interface FinishOptions extends CallOptions {
  readonly engine: Engine;
  readonly memory: Memory;
  /** Where finished layers are kept. */
  readonly blobDirectory: string;
  /** Says what is used of `blobDirectory`. @default nobody deletes from it */
  readonly claim?: ((file: string) => Promise<void>) | undefined;
  /** For layers on their way; the caller deletes it. */
  readonly temporaryDirectory: string;
  /** Leave an injected emulator in the image. */
  readonly keepEmulator: boolean;
  /** Refuse an image that is not what it says. */
  readonly verify: boolean;
  readonly manifestType: 'oci' | 'docker';
  /** Seconds since the epoch, as text: times later than this become this. */
  readonly sourceDateEpoch?: string | undefined;
  readonly onEvent?: OnBuildEvent | undefined;
}

/** What is remembered of a finished image. */
interface Remembered {
  readonly config: string;
  readonly layers: readonly (FinishedLayer | null)[];
}

/**
 * Takes an image out of its engine and makes it fit to publish: base layers are the base's own blobs, the emulator is
 * filtered out of every other layer, the platform is stated in full, and what can run is checked against it.
 *
 * What was done once is remembered by image id: a cached rebuild exports nothing.
 * @throws MabuildError `WRONG_ARCHITECTURE`, `VERIFICATION_FAILED`, `EXPORT_INVALID`
 */
export async function finishImage(
  planned: PlannedTask,
  image: EngineImage,
  options: FinishOptions,
): Promise<Omit<BuiltImage, 'seconds'>> {
  const { task } = planned;
  assertArchitecture(image.platform, planned);
  const emulator = options.keepEmulator ? undefined : await lentEmulator(planned);
  const site: Site = { planned, options, emulator, store: new BlobStore(options.blobDirectory, options) };
  const { config, layers } = (await rememberedImage(image, site)) ?? (await takeOut(image, site));
  assertArchitecture(configPlatform(config), planned);
  const mutated = mutateImage({
    config,
    layers: finalLayers(config, layers, planned.finalBase),
    platform: task.platform,
    manifestType: options.manifestType,
    sourceDateEpoch: options.sourceDateEpoch === undefined ? undefined : Number(options.sourceDateEpoch),
  });
  const notes = judge(mutated, layers, planned, options);
  return {
    task,
    descriptor: mutated.descriptor,
    source: builtSource(mutated, site.store, planned.finalBase),
    config: parseImageConfig(mutated.config),
    imageId: image.id,
    notes,
  };
}

interface Site {
  readonly planned: PlannedTask;
  readonly options: FinishOptions;
  readonly emulator: EmulatorPlace | undefined;
  readonly store: BlobStore;
}

/** Layers of an image: `undefined` where the base's own blob serves. */
interface TakenOut {
  readonly config: ImageConfig;
  readonly layers: readonly (FinishedLayer | undefined)[];
}

async function lentEmulator({ emulator }: PlannedTask): Promise<EmulatorPlace | undefined> {
  if (!emulator) return undefined;
  return { path: emulator.path.replace(/^\/+/, ''), size: (await stat(emulator.file)).size };
}

async function rememberedImage(image: EngineImage, site: Site): Promise<TakenOut | undefined> {
  const known = (await site.options.memory.get('image', imageKey(image, site))) as Remembered | undefined;
  if (!known) return undefined;
  const layers = known.layers.map((layer) => layer ?? undefined);
  for (const layer of layers)
    if (layer?.descriptor && !(await site.store.has(layer.descriptor))) return undefined;
  return { config: parseImageConfig(known.config), layers };
}

function imageKey(image: EngineImage, { planned, emulator }: Site): string {
  return JSON.stringify([
    3,
    image.id,
    planned.finalBase?.manifestDescriptor.digest ?? null,
    planned.addedFolder ?? null,
    emulator ?? null,
  ]);
}

async function takeOut(image: EngineImage, site: Site): Promise<TakenOut> {
  const { options, planned } = site;
  const { engine, memory, signal, onEvent } = options;
  onEvent?.({ type: 'task', platform: planned.task.platform, state: 'exporting' });
  const directory = join(options.temporaryDirectory, `export-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { recursive: true });
  try {
    const exported = await engine.export(image.id, {
      directory,
      known: (path) => knownLayer(path, site),
      signal,
    });
    const config = parseImageConfig(exported.config);
    for (const layer of exported.layers) await memory.set('path', layer.path, layer.diffId);
    const layers = await finishLayers(exported, config, site);
    const remembered: Remembered = {
      config: Buffer.from(exported.config).toString('utf8'),
      layers: layers.map((layer) => layer ?? null),
    };
    await memory.set('image', imageKey(image, site), remembered);
    return { config, layers };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Names a layer that need not be written to disk: the base's own, or one that was finished before. */
async function knownLayer(path: string, site: Site): Promise<string | undefined> {
  const diffId = await site.options.memory.get('path', path);
  if (typeof diffId !== 'string') return undefined;
  if (baseDiffIds(site.planned.finalBase).includes(diffId)) {
    return site.emulator && !(await rememberedFolders(diffId, site)) ? undefined : diffId;
  }
  // With an emulator the outcome depends on the layers below, which are not known yet.
  if (site.emulator) return undefined;
  return (await rememberedLayer(diffId, layerOptions(site, new Map()))) ? diffId : undefined;
}

function layerOptions(site: Site, below: ReadonlyMap<string, FolderFacts>): FinishLayerOptions {
  const { memory, signal } = site.options;
  return {
    store: site.store,
    memory,
    signal,
    emulator: site.emulator,
    addedFolder: site.planned.addedFolder,
    below,
  };
}

async function finishLayers(
  exported: ExportedImage,
  config: ImageConfig,
  site: Site,
): Promise<readonly (FinishedLayer | undefined)[]> {
  const ofBase = commonLayers(config, site.planned.finalBase);
  const below = new Map<string, FolderFacts>();
  if (!site.emulator) {
    return Promise.all(
      exported.layers.map((layer, index) =>
        index < ofBase ? undefined : finishLayer(layer, layerOptions(site, below)),
      ),
    );
  }
  const finished: (FinishedLayer | undefined)[] = [];
  for (const [index, layer] of exported.layers.entries()) {
    const own = index < ofBase ? undefined : await finishLayer(layer, layerOptions(site, new Map(below)));
    const folders = own ? own.folders : await foldersOf(layer, site);
    for (const [path, facts] of Object.entries(folders)) below.set(path, facts);
    finished.push(own);
  }
  return finished;
}

async function rememberedFolders(
  diffId: string,
  site: Site,
): Promise<Record<string, FolderFacts> | undefined> {
  const known = await site.options.memory.get('folders', JSON.stringify([diffId, site.emulator?.path]));
  return known as Record<string, FolderFacts> | undefined;
}

async function foldersOf(layer: ExportedLayer, site: Site): Promise<Record<string, FolderFacts>> {
  const known = await rememberedFolders(layer.diffId, site);
  if (known || !layer.file) return known ?? {};
  const tar = await decompressed(createReadStream(layer.file), { signal: site.options.signal });
  const folders = Object.fromEntries(await foldersOfLayer(tar, site.emulator?.path ?? ''));
  await site.options.memory.set('folders', JSON.stringify([layer.diffId, site.emulator?.path]), folders);
  return folders;
}

function baseDiffIds(base: ResolvedBase | undefined): readonly string[] {
  return base?.config.rootfs.diff_ids ?? [];
}

/** How many layers from the bottom are the base's own blobs. */
function commonLayers(config: ImageConfig, base: ResolvedBase | undefined): number {
  const theirs = baseDiffIds(base);
  if (theirs.length !== base?.manifest.layers.length) return 0;
  let count = 0;
  while (count < theirs.length && theirs[count] === config.rootfs.diff_ids[count]) count += 1;
  return count;
}

function finalLayers(
  config: ImageConfig,
  layers: readonly (FinishedLayer | undefined)[],
  base: ResolvedBase | undefined,
): readonly (FinalLayer | undefined)[] {
  return config.rootfs.diff_ids.map((diffId, index) => {
    const own = layers[index];
    if (own) return own.descriptor && { descriptor: own.descriptor, diffId: own.diffId };
    const descriptor = base?.manifest.layers[index];
    return descriptor && { descriptor, diffId };
  });
}

function assertArchitecture(found: Platform, { task, build }: PlannedTask): void {
  const wanted = task.platform;
  if (found.os === wanted.os && found.architecture === wanted.architecture) {
    if (found.variant === undefined || platformSatisfies(found, wanted)) return;
  }
  // What an image on nothing is for, its files say: they are judged.
  if (standsOnNothing(build)) return;
  throw new MabuildError(
    `the build for ${formatPlatform(wanted)} gave an image for ${formatPlatform(found)}`,
    {
      code: 'WRONG_ARCHITECTURE',
      hint: task.finalBase
        ? `does the last FROM (line ${task.finalBase.line}) have a constant --platform?`
        : 'does the last FROM have a constant --platform?',
    },
  );
}

function judge(
  image: MutatedImage,
  layers: readonly (FinishedLayer | undefined)[],
  planned: PlannedTask,
  options: FinishOptions,
): readonly VerifyNote[] {
  const config = parseImageConfig(image.config);
  const kept = layers.filter((layer) => !layer || layer.descriptor);
  const verdict = judgeImage({
    platform: image.descriptor.platform,
    config,
    layers: kept.map((layer, index) => ({
      digest: layer?.descriptor?.digest ?? planned.finalBase?.manifest.layers[index]?.digest ?? '',
      ...(layer ? { facts: layer.facts } : { base: true }),
    })),
  });
  if (!verdict.ok && options.verify) throw verificationFailed(planned.task.platform, verdict.problems);
  return verdict.notes;
}

/** Why an image is not published: the first lie by file and layer, and how many more there are. */
function verificationFailed(platform: Platform, problems: readonly VerifyProblem[]): MabuildError {
  const [first] = problems;
  const where = [first?.path, first?.layer && `in layer ${first.layer}`].filter(Boolean).join(' ');
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new MabuildError(
    `the image for ${formatPlatform(platform)} is not what it says: ${where} is ${first?.found}${first?.expected ? `, not ${first.expected}` : ''}${more}`,
    {
      code: 'VERIFICATION_FAILED',
      hint: 'build that file for the platform, or publish it all the same with --no-verify',
    },
  );
}
