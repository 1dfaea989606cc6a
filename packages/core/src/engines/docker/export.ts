import { readFile, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Descriptor, digestOf, isMabuildError, type MabuildError, mediaTypes } from '@mabuild/oci';
import type { ExportedImage, ExportedLayer, ExportOptions } from '../engine.ts';
import type { DockerClient } from './client.ts';
import { unreachable } from './client-error.ts';
import { saveImage } from './save.ts';
import { type Archive, document, follow, invalid, largestDocument, readArchive } from './saved-archive.ts';

/**
 * Spools an image's layers to disk while the engine sends it: `GET /images/ID/get`.
 *
 * @throws MabuildError `EXPORT_INVALID` when what comes is not a whole image.
 */
export async function exportImage(
  client: DockerClient,
  imageId: string,
  options: ExportOptions,
): Promise<ExportedImage> {
  const body = await saveImage(client, imageId, options);
  try {
    return await readSavedImage(body, imageId, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isMabuildError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // A connection that broke, as opposed to a disk that is full.
    throw body.errored !== null && code !== undefined
      ? unreachable(error, 'exporting an image', client.endpoint)
      : error;
  } finally {
    body.destroy();
  }
}

/** Reads what `docker save` and `podman save` write: any layout, always through `manifest.json`. */
export async function readSavedImage(
  body: Readable,
  imageId: string,
  options: ExportOptions,
): Promise<ExportedImage> {
  const archive = await readArchive(body, imageId, options);
  const broken = (why: string): MabuildError => invalid(imageId, why);
  const [saved] = parse<readonly { readonly Config?: unknown; readonly Layers?: unknown }[]>(
    await document(archive, 'manifest.json', broken),
    'manifest.json',
    broken,
  );
  if (typeof saved?.Config !== 'string' || !isStrings(saved.Layers))
    throw broken('manifest.json names no config and layers');
  const config = await document(archive, saved.Config, broken);
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(saved.Config)?.[1];
  if (named !== undefined && digestOf(config) !== `sha256:${named}`)
    throw broken(`the config has the digest ${digestOf(config)}, but is called ${named}`);
  const diffIds = parse<{ rootfs?: { diff_ids?: unknown } }>(config, 'the config', broken).rootfs?.diff_ids;
  if (!isStrings(diffIds)) throw broken('the config has no rootfs.diff_ids');
  if (diffIds.length !== saved.Layers.length)
    throw broken(`the config counts ${diffIds.length} layers, manifest.json ${saved.Layers.length}`);
  const types = await storedTypes(archive);
  const layers = saved.Layers.map((path, index) =>
    layerAt(archive, path, diffIds[index] ?? '', types, broken),
  );
  const used = new Set(layers.map((layer) => layer.file));
  for (const { file } of archive.spooled.values()) if (!used.has(file)) await rm(file, { force: true });
  return { config, layers };
}

/** The media types of an OCI layout's blobs, by digest: the only word on a layer whose body is not read. */
async function storedTypes(archive: Archive): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  const descriptors = (
    bytes: Uint8Array | undefined,
    field: 'manifests' | 'layers',
  ): readonly Descriptor[] => {
    try {
      const found = (JSON.parse(Buffer.from(bytes ?? []).toString('utf8')) as Record<string, unknown>)[field];
      return Array.isArray(found) ? (found as Descriptor[]) : [];
    } catch {
      return [];
    }
  };
  for (const { digest } of descriptors(archive.documents.get('index.json'), 'manifests')) {
    const blob = archive.spooled.get(`blobs/${String(digest).replace(':', '/')}`);
    if (blob === undefined || blob.size > largestDocument) continue;
    for (const layer of descriptors(await readFile(blob.file), 'layers'))
      types.set(layer.digest, layer.mediaType);
  }
  return types;
}

function layerAt(
  archive: Archive,
  path: string,
  expected: string,
  types: ReadonlyMap<string, string>,
  broken: (why: string) => MabuildError,
): ExportedLayer {
  const at = follow(archive, path);
  const named = /^blobs\/(sha256)\/([0-9a-f]{64})$/.exec(at);
  const storedAs = named === null ? undefined : `${named[1]}:${named[2]}`;
  const skipped = archive.skipped.get(at);
  if (skipped !== undefined) {
    if (skipped.diffId !== expected)
      throw broken(`layer ${path} was known as ${skipped.diffId}, the config says ${expected}`);
    // A blob that is called by another digest than its content's is a compressed one.
    if (storedAs === undefined || storedAs === expected)
      return { path: at, diffId: expected, file: undefined, compression: 'none' };
    const zstd = types.get(storedAs)?.endsWith('zstd') === true;
    const mediaType = zstd ? mediaTypes.ociLayerZstd : mediaTypes.ociLayerGzip;
    return {
      path: at,
      diffId: expected,
      file: undefined,
      compression: zstd ? 'zstd' : 'gzip',
      stored: { mediaType, digest: storedAs, size: skipped.size },
    };
  }
  const blob = archive.spooled.get(at);
  if (blob === undefined) throw broken(`layer ${path} is missing`);
  if (storedAs !== undefined && blob.digest !== storedAs)
    throw broken(`layer ${path} has the digest ${blob.digest}`);
  // zstd content stays unread here: its blob's own digest was checked instead.
  if (blob.diffId === undefined ? storedAs === undefined : blob.diffId !== expected)
    throw broken(
      `layer ${path} has the diff id ${blob.diffId ?? 'of a zstd stream'}, the config says ${expected}`,
    );
  const { compression, file, size, digest } = blob;
  const mediaType = compression === 'zstd' ? mediaTypes.ociLayerZstd : mediaTypes.ociLayerGzip;
  return {
    path: at,
    diffId: expected,
    file,
    compression,
    ...(compression !== 'none' && { stored: { mediaType, digest, size } }),
  };
}

function parse<T>(bytes: Uint8Array, what: string, broken: (why: string) => MabuildError): T {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw broken(`${what} is not JSON`);
  }
  if (typeof value !== 'object' || value === null) throw broken(`${what} is no JSON object`);
  return value as T;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
