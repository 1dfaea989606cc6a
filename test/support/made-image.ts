import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import {
  type ContainerConfig,
  type Descriptor,
  digestOf,
  type ImageSource,
  MabuildError,
  mediaTypes,
  type Platform,
  parsePlatform,
  verifyingStream,
} from '@mabuild/oci';
import { makeTar, type TarInput } from './tar.ts';

/** One image of an index that a test makes. */
export interface ImageRecipe {
  /** What the index entry says; `undefined` for an entry without one. */
  readonly platform: string;
  /** What the config says. Default: the same. */
  readonly configPlatform?: Platform;
  readonly config?: ContainerConfig;
  /** Layers, the first at the bottom; a Buffer is taken as it is. */
  readonly layers: readonly (readonly TarInput[] | Buffer)[];
  readonly plainTar?: boolean;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image in memory whose blobs a test may damage. */
export interface MadeImage extends ImageSource {
  readonly blobs: Map<string, Buffer>;
  /** Digests of the layers of each image. */
  readonly layers: readonly (readonly string[])[];
  /** Digests that were read, in order. */
  readonly reads: string[];
}

/** Makes an index of images in memory, with true digests. */
export function makeImage(...images: readonly ImageRecipe[]): MadeImage {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer | object): Descriptor => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const layers: string[][] = [];
  const manifests = images.map((image) => {
    const tars = image.layers.map((layer) => (Buffer.isBuffer(layer) ? layer : makeTar(layer)));
    const descriptors = tars.map((tar, index) => {
      const asItIs = Buffer.isBuffer(image.layers[index]) || image.plainTar === true;
      return add(mediaTypes.ociLayerGzip, asItIs ? tar : gzipSync(tar, { level: 1 }));
    });
    layers.push(descriptors.map(({ digest }) => digest));
    const platform = parsePlatform(image.platform);
    const config = add(mediaTypes.ociConfig, {
      ...(image.configPlatform ?? platform),
      config: image.config ?? {},
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
    });
    const manifest = add(mediaTypes.ociManifest, {
      schemaVersion: 2,
      config,
      layers: descriptors,
      ...(image.annotations === undefined ? {} : { annotations: image.annotations }),
    });
    return { ...manifest, platform };
  });
  const root = add(mediaTypes.ociIndex, { schemaVersion: 2, manifests });
  const reads: string[] = [];
  return {
    root,
    blobs,
    layers,
    reads,
    async read(descriptor) {
      reads.push(descriptor.digest);
      const bytes = blobs.get(descriptor.digest);
      if (bytes === undefined) {
        throw new MabuildError(`reading ${descriptor.digest}: it is not there`, { code: 'BLOB_NOT_FOUND' });
      }
      const body = Readable.from(piecesOf(bytes), { objectMode: false });
      const verified = verifyingStream(descriptor);
      body.on('error', (error) => verified.destroy(error));
      return body.pipe(verified);
    },
  };
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 64 * 1024) {
    yield bytes.subarray(at, at + 64 * 1024);
  }
}
