import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BlobStore,
  decompressed,
  type EmulatorPlace,
  type FolderFacts,
  foldersOfLayer,
  type ImageConfig,
  parseImageConfig,
} from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';
import type { EngineImage, ExportedImage, ExportedLayer } from '../engines/engine.ts';
import type { PlannedTask } from '../plan/plan-request.ts';
import type { FinishOptions } from './finish-options.ts';
import { type FinishedLayer, type FinishLayerOptions, finishLayer, rememberedLayer } from './layer.ts';

/** What is remembered of a finished image. */
interface Remembered {
  readonly config: string;
  readonly layers: readonly (FinishedLayer | null)[];
}

/** One image that is finished. */
export interface Site {
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

/** What taking the same image out gave before, where its layers are still there. */
export async function rememberedImage(image: EngineImage, site: Site): Promise<TakenOut | undefined> {
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

/**
 * Takes an image's config and layers out of its engine, each layer finished.
 *
 * @throws MabuildError `EXPORT_INVALID`
 */
export async function takeOut(image: EngineImage, site: Site): Promise<TakenOut> {
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
