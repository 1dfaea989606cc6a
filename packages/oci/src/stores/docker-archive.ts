import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Descriptor } from '../descriptor.ts';
import { MabuildError } from '../error.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import { describe } from '../indexes/image-index.ts';
import { configPlatform } from '../manifest.ts';
import { mediaTypes } from '../media-type.ts';
import { parseImageConfig, parseImageManifest } from '../parse-manifest.ts';
import { readDocument } from '../read-document.ts';
import { withRoot } from '../sources.ts';
import { decompressed } from '../tar/decompress.ts';
import { type PackEntry, packTar } from '../tar/tar.ts';
import { openTarFile, type TarFile } from '../tar/tar-file.ts';
import { BlobStore } from './blob-store.ts';

export interface OpenDockerArchiveOptions extends CallOptions {
  /** Folder for compressed layers; the caller deletes it. */
  readonly directory: string;
  /** Which image, by one of its `RepoTags`. @default the only one */
  readonly tag?: string | undefined;
}

/**
 * Opens what `docker save` wrote; layers that lie there uncompressed are compressed, so that their digests are known.
 *
 * @throws MabuildError `ARCHIVE_INVALID`, `IMAGE_NOT_FOUND`
 */
export async function openDockerArchive(
  file: string,
  options: OpenDockerArchiveOptions,
): Promise<ImageSource> {
  const archive = await openTarFile(file, options);
  const saved = chooseImage(await readJson(archive, 'manifest.json', file), options.tag, file);
  const configBytes = await archive.bytes(archive.follow(saved.Config));
  const config = parseImageConfig(configBytes, { of: `${file}: ${saved.Config}` });
  const diffIds = config.rootfs.diff_ids;
  if (saved.Layers.length !== diffIds.length) {
    throw invalidArchive(file, `it has ${saved.Layers.length} layers, the config says ${diffIds.length}`);
  }
  const store = new BlobStore(options.directory);
  const layers: Descriptor[] = [];
  for (const [index, path] of saved.Layers.entries()) {
    const name = archive.follow(path);
    const gzipped = (await archive.bytes(name, 2)).equals(Buffer.from([0x1f, 0x8b]));
    const blob = await store.add(archive.open(name), {
      gzip: gzipped ? undefined : 4,
      signal: options.signal,
    });
    const diffId = gzipped ? await plainDigest(archive.open(name), options) : blob.diffId;
    if (diffId !== diffIds[index]) {
      throw invalidArchive(file, `layer ${path} is ${diffId}, the config says ${diffIds[index]}`);
    }
    layers.push({ mediaType: mediaTypes.ociLayerGzip, digest: blob.digest, size: blob.size });
  }
  const configBlob = await store.add([configBytes] as unknown as AsyncIterable<Uint8Array>);
  const manifest = describe(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: configBlob.digest, size: configBlob.size },
      layers,
    },
    mediaTypes.ociManifest,
  );
  const described = { ...manifest, descriptor: { ...manifest.descriptor, platform: configPlatform(config) } };
  return withRoot(described, [{ root: manifest.descriptor, read: (descriptor) => store.read(descriptor) }]);
}

/**
 * Writes one image as `docker load` reads it, layers as they are stored.
 *
 * @param names `RepoTags`, e.g. `app:1`
 */
export async function dockerArchive(
  source: ImageSource,
  descriptor: Descriptor,
  names: readonly string[],
  options: CallOptions = {},
): Promise<Readable> {
  const { config, layers } = parseImageManifest(await readDocument(source, descriptor, options));
  const nameOf = (blob: Descriptor): string => `${blob.digest.replace(/^\w+:/, '')}.tar`;
  const configName = `${config.digest.replace(/^\w+:/, '')}.json`;
  const manifest = Buffer.from(
    JSON.stringify([{ Config: configName, RepoTags: names, Layers: layers.map(nameOf) }]),
  );
  const entries: PackEntry[] = [
    { ...plainFile, name: configName, size: config.size, open: () => source.read(config, options) },
    ...[...new Map(layers.map((layer) => [layer.digest, layer])).values()].map((layer) => ({
      ...plainFile,
      name: nameOf(layer),
      size: layer.size,
      open: () => source.read(layer, options),
    })),
    {
      ...plainFile,
      name: 'manifest.json',
      size: manifest.length,
      open: async () => Readable.from([manifest], { objectMode: false }),
    },
  ];
  return packTar(entries);
}

const plainFile = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;

interface SavedImage {
  readonly Config: string;
  readonly Layers: readonly string[];
  readonly RepoTags?: readonly string[] | null;
}

function chooseImage(document: unknown, tag: string | undefined, file: string): SavedImage {
  const images = (Array.isArray(document) ? document : []) as Partial<SavedImage>[];
  const fitting = tag === undefined ? images : images.filter((image) => image?.RepoTags?.includes(tag));
  const [image] = fitting;
  if (!image || fitting.length > 1) {
    const names = images.flatMap((other) => other?.RepoTags ?? []);
    throw new MabuildError(
      `opening ${file}: ${image ? `it holds ${fitting.length} images` : 'it holds no such image'}`,
      {
        code: 'IMAGE_NOT_FOUND',
        hint: names.length > 0 ? `name one of ${names.join(', ')}` : 'is this what `docker save` wrote?',
      },
    );
  }
  if (
    typeof image.Config !== 'string' ||
    !Array.isArray(image.Layers) ||
    image.Layers.some((layer) => typeof layer !== 'string')
  ) {
    throw invalidArchive(file, 'manifest.json[0] names no Config and Layers');
  }
  return image as SavedImage;
}

async function readJson(archive: TarFile, name: string, file: string): Promise<unknown> {
  try {
    return JSON.parse((await archive.bytes(archive.follow(name))).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidArchive(file, `${name} is not JSON`, error);
    throw error;
  }
}

/** The digest of what was compressed: a layer is what its config says, also where it lies compressed. */
async function plainDigest(stream: Readable, options: CallOptions): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of await decompressed(stream, options)) hash.update(chunk as Uint8Array);
  return `sha256:${hash.digest('hex')}`;
}

function invalidArchive(file: string, why: string, cause?: unknown): MabuildError {
  return new MabuildError(`opening docker-archive ${file}: ${why}`, {
    code: 'ARCHIVE_INVALID',
    hint: 'write it again with `docker save`',
    cause,
  });
}
