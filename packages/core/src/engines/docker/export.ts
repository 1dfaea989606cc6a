import { readFile, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  type Descriptor,
  digestOf,
  isMabuildError,
  MabuildError,
  mediaTypes,
  readTarEntries,
} from '@mabuild/oci';
import type { ExportedImage, ExportedLayer, ExportOptions } from '../engine.ts';
import type { DockerClient } from './client.ts';
import { unreachable } from './client-error.ts';
import { saveImage } from './save.ts';
import { type SpooledBlob, spool } from './spool.ts';

/** What a tar entry's body fails with when the archive ends inside it. */
const cutOff = 'STREAM_DESTROYED';

/** Largest config or manifest that is believed, bytes. */
const largestDocument = 16 * 1024 * 1024;

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

/** What one archive held, by the path inside it. */
interface Archive {
  readonly spooled: Map<string, SpooledBlob>;
  /** Layers whose body was not read: their diff id and stored size. */
  readonly skipped: Map<string, { readonly diffId: string; readonly size: number }>;
  readonly documents: Map<string, Buffer>;
  readonly links: Map<string, string>;
}

/** Reads what `docker save` and `podman save` write: any layout, always through `manifest.json`. */
export async function readSavedImage(
  body: Readable,
  imageId: string,
  options: ExportOptions,
): Promise<ExportedImage> {
  const archive = await unpack(body, imageId, options);
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

async function unpack(body: Readable, imageId: string, options: ExportOptions): Promise<Archive> {
  const archive: Archive = { spooled: new Map(), skipped: new Map(), documents: new Map(), links: new Map() };
  let count = 0;
  let read = 0;
  try {
    for await (const entry of readTarEntries(body, { signal: options.signal })) {
      read++;
      const path = posix.normalize(entry.name);
      if (entry.type === 'symlink' || entry.type === 'link') {
        const target =
          entry.type === 'symlink'
            ? posix.join(posix.dirname(path), entry.linkname ?? '')
            : (entry.linkname ?? '');
        archive.links.set(path, posix.normalize(target));
      } else if (entry.type === 'file' && isDocument(path)) {
        if (entry.size > largestDocument) throw invalid(imageId, `${path} has ${entry.size} bytes`);
        archive.documents.set(path, await buffer(entry.body));
      } else if (entry.type === 'file') {
        const diffId = await options.known?.(path);
        if (diffId !== undefined) archive.skipped.set(path, { diffId, size: entry.size });
        else
          archive.spooled.set(
            path,
            await spool(
              Readable.from(entry.body, { objectMode: false }),
              join(options.directory, `layer-${count++}`),
              options,
            ),
          );
      }
    }
  } catch (cause) {
    options.signal?.throwIfAborted();
    // Anything else is not the archive's fault: a full disk, a broken connection.
    const { code } = cause as NodeJS.ErrnoException;
    if (body.errored !== null) throw body.errored;
    if (code !== 'INVALID_TAR' && code !== cutOff && !code?.startsWith('Z_')) throw cause;
    throw invalid(imageId, code === cutOff ? 'it breaks off' : (cause as Error).message, cause);
  }
  if (read === 0) throw invalid(imageId, 'the archive is empty');
  return archive;
}

/** What is small and needed as a whole; the blobs of an OCI layout do not say which they are. */
function isDocument(path: string): boolean {
  return /(^|\/)(VERSION|json|repositories|oci-layout|[^/]*\.json)$/.test(path);
}

async function document(
  archive: Archive,
  path: string,
  broken: (why: string) => MabuildError,
): Promise<Buffer> {
  const at = follow(archive, path);
  const found = archive.documents.get(at);
  if (found !== undefined) return found;
  const blob = archive.spooled.get(at);
  if (blob === undefined) throw broken(`${path} is missing`);
  if (blob.size > largestDocument) throw broken(`${path} has ${blob.size} bytes`);
  return await readFile(blob.file);
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

/** Where a path leads; podman and old dockerds write links for layers that occur twice. */
function follow(archive: Archive, path: string): string {
  let at = posix.normalize(path);
  for (let hops = 0; hops < 16; hops++) {
    const target = archive.links.get(at);
    if (target === undefined) break;
    at = target;
  }
  return at;
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

function invalid(imageId: string, why: string, cause?: unknown): MabuildError {
  return new MabuildError(`the engine's export of image ${imageId} is not a whole image: ${why}`, {
    code: 'EXPORT_INVALID',
    hint: "try again; if it stays, the engine's image store is damaged",
    cause,
  });
}
