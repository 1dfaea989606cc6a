import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Engine } from '@mabuild/core';
import {
  type CallOptions,
  type Descriptor,
  type ImageSource,
  isAttestation,
  isIndexType,
  isMabuildError,
  MabuildError,
  makeIndex,
  mediaTypes,
  openDockerArchive,
  openOciArchive,
  parseImageIndex,
  parseImageManifest,
  readDocument,
  withRoot,
} from '@mabuild/oci';

export interface EngineSourceOptions extends CallOptions {
  /** Folder for what the engine saves; the caller deletes it. */
  readonly directory: string;
}

/**
 * Opens an image of an engine, by name or id: all platforms of it that the engine has.
 *
 * An engine with a graph driver keeps no blobs: layers are compressed again, and get other digests than they once had.
 * @throws MabuildError `IMAGE_NOT_FOUND`
 */
export async function openEngineImage(
  engine: Engine,
  image: string,
  options: EngineSourceOptions,
): Promise<ImageSource> {
  const { directory, signal } = options;
  if ((await engine.inspect(image, { signal })) === undefined) {
    throw new MabuildError(`the engine at ${engine.info.endpoint} has no image ${image}`, {
      code: 'IMAGE_NOT_FOUND',
      hint: 'look with `docker images`',
    });
  }
  const file = join(directory, 'saved.tar');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await pipeline(await engine.save(image, { signal }), createWriteStream(file), signal ? { signal } : {});
  if (engine.info.imageStore === 'graphdriver') return openDockerArchive(file, { directory, signal });
  return presentPart(await openOciArchive(file, { signal }), image, options);
}

/** An engine saves an index whole, also where it has pulled or built one of its platforms only. */
async function presentPart(source: ImageSource, image: string, options: CallOptions): Promise<ImageSource> {
  if (!isIndexType(source.root.mediaType)) return source;
  const { manifests } = parseImageIndex(await readDocument(source, source.root, options));
  const present: Descriptor[] = [];
  for (const manifest of manifests) if (await isPresent(source, manifest, options)) present.push(manifest);
  if (present.length === manifests.length) return source;
  // What is said about an image that is left out, or that gets into another index, is left out too.
  const images = present.filter((manifest) => !isAttestation(manifest));
  const [only] = images;
  if (only === undefined) {
    throw new MabuildError(`the engine has no platform of ${image} whole`, {
      code: 'IMAGE_NOT_FOUND',
      hint: 'pull it with `docker pull --platform`',
    });
  }
  if (images.length === 1) return { ...source, root: only };
  const type = source.root.mediaType === mediaTypes.dockerManifestList ? 'docker' : 'oci';
  return withRoot(makeIndex(images, { type }), [source]);
}

async function isPresent(
  source: ImageSource,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<boolean> {
  try {
    const { config, layers } = parseImageManifest(await readDocument(source, descriptor, options));
    for (const blob of [config, ...layers]) (await source.read(blob, options)).destroy();
    return true;
  } catch (error) {
    if (isMabuildError(error) && error.code === 'BLOB_NOT_FOUND') return false;
    throw error;
  }
}
