import { Readable } from 'node:stream';
import type {
  BlobStore,
  Descriptor,
  ImageReference,
  ImageSource,
  MutatedImage,
  ReadOptions,
} from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';

/** A finished image as a source: documents from memory, own layers from the store, base layers from the base itself. */
export function builtSource(
  image: MutatedImage,
  store: BlobStore,
  base: ResolvedBase | undefined,
): ImageSource {
  const documents = new Map([
    [image.descriptor.digest, image.manifest],
    [image.configDescriptor.digest, image.config],
  ]);
  const ofBase = new Map(base?.manifest.layers.map((layer) => [layer.digest, layer]));
  return {
    root: image.descriptor,
    async read(descriptor: Descriptor, options?: ReadOptions): Promise<Readable> {
      const document = documents.get(descriptor.digest);
      if (document) return Readable.from([document], { objectMode: false });
      const layer = ofBase.get(descriptor.digest);
      if (base && layer && !(await store.has(descriptor))) return base.source.read(layer, options);
      return store.read(descriptor, options);
    },
    async mountableFrom(descriptor: Descriptor): Promise<ImageReference | undefined> {
      const layer = ofBase.get(descriptor.digest);
      return layer && (await base?.source.mountableFrom?.(layer));
    },
  };
}
