import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Descriptor, digestOf, type ImageReference, type ImageSource, mediaTypes } from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { expect } from 'chai';
import type { MemoryImage } from './image.ts';

export const dockerTypes = {
  manifest: mediaTypes.dockerManifest,
  list: mediaTypes.dockerManifestList,
  config: mediaTypes.dockerConfig,
  layer: mediaTypes.dockerLayerGzip,
} as const;

export const ociTypes = {
  manifest: mediaTypes.ociManifest,
  list: mediaTypes.ociIndex,
  config: mediaTypes.ociConfig,
  layer: mediaTypes.ociLayerGzip,
} as const;

/** Content that an image is made of, in the order in which it must be written. */
export class ImageMaker {
  readonly #contents: MemoryImage['contents'][number][] = [];

  add(mediaType: string, content: Buffer | string | object): Descriptor {
    const bytes = Buffer.isBuffer(content)
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    this.#contents.push({ descriptor, bytes });
    return descriptor;
  }

  /** A layer that nobody has seen. @param size bytes. */
  layer(size = 1000, mediaType: string = ociTypes.layer): Descriptor {
    return this.add(mediaType, randomBytes(size));
  }

  /** An image with these layers. */
  manifest(
    layers: readonly Descriptor[],
    { architecture = 'arm64', types = ociTypes as Types, more = {} } = {},
  ): Descriptor {
    const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
    const created = randomBytes(4).toString('hex');
    const config = this.add(types.config, { os: 'linux', architecture, rootfs, author: created });
    return this.add(types.manifest, {
      schemaVersion: 2,
      mediaType: types.manifest,
      config,
      layers,
      ...more,
    });
  }

  index(entries: readonly object[], { types = ociTypes as Types, more = {} } = {}): Descriptor {
    return this.add(types.list, { schemaVersion: 2, mediaType: types.list, manifests: entries, ...more });
  }

  image(root: Descriptor): MemoryImage {
    const contents = [...this.#contents];
    const source: ImageSource = {
      root,
      async read({ digest }) {
        const found = contents.find(({ descriptor }) => descriptor.digest === digest);
        if (found === undefined) throw new Error(`the test image has no ${digest}`);
        return Readable.from([found.bytes], { objectMode: false });
      },
    };
    return { root, contents, source };
  }
}

type Types = { readonly [Key in keyof typeof ociTypes]: string };

/** An image of one layer. */
export function singleImage(size?: number): MemoryImage {
  const maker = new ImageMaker();
  return maker.image(maker.manifest([maker.layer(size)]));
}

/** Reads everything of an image from a registry and compares it, byte for byte. */
export async function expectThere(
  client: RegistryClient,
  reference: ImageReference,
  image: MemoryImage,
): Promise<void> {
  const source = await client.resolve(reference);
  expect(source.root).to.deep.equal(image.root);
  for (const { descriptor, bytes } of image.contents) {
    const read = await buffer(await source.read(descriptor));
    expect(read.equals(bytes), descriptor.mediaType).to.equal(true);
  }
}
