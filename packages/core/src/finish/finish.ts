import { stat } from 'node:fs/promises';
import {
  BlobStore,
  configPlatform,
  type Descriptor,
  type EmulatorPlace,
  type FinalLayer,
  type ImageConfig,
  type ImageSource,
  mutateImage,
  parseImageConfig,
  type VerifyNote,
} from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';
import type { EngineImage } from '../engines/engine.ts';
import type { BuildTask } from '../plan/plan.ts';
import type { PlannedTask } from '../plan/plan-request.ts';
import { builtSource } from './built-source.ts';
import type { FinishOptions } from './finish-options.ts';
import { assertArchitecture, judge } from './judge-built.ts';
import type { FinishedLayer } from './layer.ts';
import { rememberedImage, type Site, takeOut } from './take-out.ts';

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

async function lentEmulator({ emulator }: PlannedTask): Promise<EmulatorPlace | undefined> {
  if (!emulator) return undefined;
  return { path: emulator.path.replace(/^\/+/, ''), size: (await stat(emulator.file)).size };
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
