import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuiltImage, unpackTar } from '@mabuild/core';
import { type CallOptions, flattenImage, placeStream } from '@mabuild/oci';
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
    await placeStream(file, () => flattenImage(image.source, image.descriptor, options), options);
  }
}
