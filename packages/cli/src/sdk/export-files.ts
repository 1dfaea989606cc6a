import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BuiltImage, unpackTar } from '@mabuild/core';
import { type CallOptions, flattenImage } from '@mabuild/oci';
import { suffixed } from './load.ts';
import type { Output } from './output.ts';
import { platformSuffix } from './platform-suffix.ts';

/** Takes the files of the images out: a folder, or a tar, per platform when there are several. */
export async function exportFiles(
  images: readonly BuiltImage[],
  output: Extract<Output, { type: 'local' | 'tar' }>,
  options: CallOptions,
): Promise<void> {
  for (const image of images) {
    const suffix = platformSuffix(image.task.platform);
    if (output.type === 'local') {
      const directory = images.length === 1 ? output.path : join(output.path, suffix);
      await mkdir(directory, { recursive: true });
      await unpackTar(await flattenImage(image.source, image.descriptor, options), directory, options);
      continue;
    }
    const file = images.length === 1 ? output.path : suffixed(output.path, suffix);
    const temporary = `${file}.tmp`;
    try {
      const tar = await flattenImage(image.source, image.descriptor, options);
      await pipeline(tar, createWriteStream(temporary), options.signal ? { signal: options.signal } : {});
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      options.signal?.throwIfAborted();
      throw error;
    }
  }
}
