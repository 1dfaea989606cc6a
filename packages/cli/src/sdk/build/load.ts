import type { BuildEvent, BuiltImage, Engine } from '@mabuild/core';
import {
  type CallOptions,
  dockerArchive,
  familiarReference,
  formatPlatform,
  MabuildError,
  ociArchive,
  placeStream,
  platformsEqual,
} from '@mabuild/oci';
import type { Output } from './output.ts';
import { platformSuffix } from './platform-suffix.ts';
import { type Assembly, type Published, parseTag } from './publish.ts';

export interface LoadOptions extends CallOptions {
  readonly engine: Engine;
  /** The user asked for it; otherwise what is not kept is named. */
  readonly explicit: boolean;
  readonly onEvent?: ((event: BuildEvent) => void) | undefined;
}

/** What was delivered, and the digest behind it. */
export interface Delivered {
  readonly digest: string;
  readonly references: readonly Published[];
}

/**
 * Loads images into the engine: every platform where its store can hold several under one name, else the host's.
 * Of the others it is said that they are not kept.
 */
export async function loadImages(
  images: readonly BuiltImage[],
  assembly: Assembly,
  tags: readonly string[],
  options: LoadOptions,
): Promise<Delivered> {
  const { engine } = options;
  if (engine.info.imageStore === 'containerd') {
    await engine.load(ociArchive(assembly.source, assembly.root, tags.map(parseTag), options), options);
    return delivered(assembly.root.digest, tags);
  }
  const own = images.find((image) => platformsEqual(image.task.platform, engine.info.platform)) ?? images[0];
  if (!own) throw new MabuildError('there is nothing to load', { code: 'USAGE' });
  const names = tags.map((tag) => familiarReference(parseTag(tag)));
  await engine.load(await dockerArchive(own.source, own.descriptor, names, options), options);
  const others = images.filter((image) => image !== own).map((image) => formatPlatform(image.task.platform));
  if (others.length > 0) {
    options.onEvent?.({
      type: 'warning',
      code: 'NOT_KEPT',
      message: `only ${formatPlatform(own.task.platform)} was loaded; ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} not kept: push with --push, or write all with -o oci:DIR`,
    });
  }
  return delivered(own.descriptor.digest, tags);
}

function delivered(digest: string, tags: readonly string[]): Delivered {
  return {
    digest,
    references: tags.map((tag) => ({ reference: familiarReference(parseTag(tag)), digest })),
  };
}

/**
 * Writes `docker load`'s archive: one image a file, so that several platforms get a file each, `image-arm32v7.tar`.
 */
export async function writeDockerArchives(
  images: readonly BuiltImage[],
  output: Extract<Output, { path: string }>,
  tags: readonly string[],
  options: CallOptions,
): Promise<Delivered> {
  const names = tags.map((tag) => familiarReference(parseTag(tag)));
  for (const image of images) {
    const file =
      images.length === 1 ? output.path : suffixed(output.path, platformSuffix(image.task.platform));
    await placeStream(file, () => dockerArchive(image.source, image.descriptor, names, options), options);
  }
  return { digest: images[0]?.descriptor.digest ?? '', references: [] };
}

/** `image.tar` as `image-arm32v7.tar`. */
export function suffixed(path: string, suffix: string): string {
  const dot = path.lastIndexOf('.');
  return dot > path.lastIndexOf('/') + 1
    ? `${path.slice(0, dot)}-${suffix}${path.slice(dot)}`
    : `${path}-${suffix}`;
}
