import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Descriptor, digestOf, type ImageSink, type ImageSource, mediaTypes } from '@mabuild/oci';

/** An image in memory: its root and everything below it. */
export interface MemoryImage {
  readonly root: Descriptor;
  /** Blobs first, then manifests, then the root. */
  readonly contents: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
  readonly source: ImageSource;
}

/** Makes an index of one-layer images whose layers nobody has seen before. @param layerSize bytes. */
export function makeIndex(platforms: readonly string[], layerSize = 1000): MemoryImage {
  const blobs: MemoryImage['contents'][number][] = [];
  const manifests: MemoryImage['contents'][number][] = [];
  const add = (list: typeof blobs, mediaType: string, bytes: Buffer): Descriptor => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    list.push({ descriptor, bytes });
    return descriptor;
  };
  const entries = platforms.map((platform) => {
    const [os = '', architecture = '', variant] = platform.split('/');
    const place = { os, architecture, ...(variant !== undefined && { variant }) };
    const layer = add(blobs, mediaTypes.ociLayerGzip, randomBytes(layerSize));
    const rootfs = { type: 'layers', diff_ids: [layer.digest] };
    const config = add(blobs, mediaTypes.ociConfig, Buffer.from(JSON.stringify({ ...place, rootfs })));
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
    const entry = add(manifests, mediaTypes.ociManifest, Buffer.from(JSON.stringify(manifest)));
    return { ...entry, platform: place };
  });
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries };
  const top: typeof blobs = [];
  const root = add(top, mediaTypes.ociIndex, Buffer.from(JSON.stringify(index)));
  const contents = [...blobs, ...manifests, ...top];
  return {
    root,
    contents,
    source: {
      root,
      async read(descriptor) {
        const found = contents.find((content) => content.descriptor.digest === descriptor.digest);
        if (found === undefined) throw new Error(`the test image has no ${descriptor.digest}`);
        return Readable.from([found.bytes], { objectMode: false });
      },
    },
  };
}

/** Writes an image to a sink, one thing after the other, and tags it. */
export async function pushImage(
  sink: ImageSink,
  image: MemoryImage,
  tag: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  for (const { descriptor, bytes } of image.contents) {
    if (!(await sink.has(descriptor, options))) {
      await sink.put(descriptor, async () => Readable.from(slices(bytes), { objectMode: false }), options);
    }
  }
  await sink.tag(tag, image.root, options);
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    yield bytes.subarray(at, at + 65_536);
  }
}
