import {
  copyImage,
  type Descriptor,
  type ImageSource,
  parseImageIndex,
  parseReference,
  readDocument,
} from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { armFlags, machines, makeElf } from './elf.ts';
import { type MadeImage, makeImage } from './made-image.ts';

/** An image for one platform, whose program runs there. @param salt makes another image of it */
export function makePlatform(platform: string, salt = ''): MadeImage {
  const program = /arm64/.test(platform)
    ? makeElf({ machine: machines.arm64 })
    : /arm\//.test(platform)
      ? makeElf({ machine: machines.arm, flags: armFlags.eabi5 })
      : makeElf({ machine: machines.x64 });
  return makeImage({
    platform,
    layers: [
      [
        { path: 'app', mode: 0o755, content: program },
        { path: 'salt', content: salt },
      ],
    ],
    config: { Entrypoint: ['/app'] },
  });
}

/** The only image of an index that a test made, without the index. */
export async function onlyImage(image: ImageSource): Promise<ImageSource> {
  const { manifests } = parseImageIndex(await readDocument(image, image.root));
  const { platform: _, ...root } = manifests[0] as Descriptor;
  return { root, read: (descriptor, options) => image.read(descriptor, options) };
}

/** Pushes an image in memory, under a tag or by its digest alone. @returns the digest */
export async function publish(image: ImageSource, reference: string): Promise<string> {
  const client = createRegistryClient();
  try {
    const { tag, ...repository } = parseReference(reference);
    const tags = /:[^/]+$/.test(reference) && tag !== undefined ? [tag] : [];
    await copyImage(image, client.sink(repository), { tags });
    return image.root.digest;
  } finally {
    await client.close();
  }
}
