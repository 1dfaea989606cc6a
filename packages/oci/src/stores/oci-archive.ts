import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { pipeline as pipelineDone } from 'node:stream/promises';
import type { Descriptor } from '../descriptor.ts';
import { parseDigest, verifyingStream } from '../digest.ts';
import { MabuildError } from '../error.ts';
import type { ImageSink } from '../image-sink.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import { isForeignLayerType, isIndexType, mediaTypes } from '../media-type.ts';
import { parseImageIndex, parseImageManifest } from '../parse-manifest.ts';
import { readDocument } from '../read-document.ts';
import { formatReference, type ImageReference } from '../reference.ts';
import { type PackEntry, packTar } from '../tar/tar.ts';
import { openTarFile } from '../tar/tar-file.ts';
import { chooseEntry, createLayoutSink, namesIn, referrersIn, refNameAnnotation } from './layout.ts';

/**
 * Opens an OCI image layout inside a tar, without unpacking it.
 *
 * @param tag which entry of `index.json`; without it the only one
 * @throws MabuildError `ARCHIVE_INVALID`, `IMAGE_NOT_FOUND`
 */
export async function openOciArchive(
  file: string,
  options: CallOptions & { readonly tag?: string | undefined } = {},
): Promise<ImageSource> {
  const archive = await openTarFile(file, options);
  const index = parseImageIndex(await archive.bytes('index.json'), { of: `${file}: index.json` });
  const { annotations: _, ...root } = chooseEntry(index, options.tag, file);
  const source: ImageSource = {
    root,
    referrers: (subject) => referrersIn(index, subject, source.read),
    async read(descriptor) {
      const path = blobPath(descriptor);
      if (!archive.has(path)) {
        throw new MabuildError(`reading blob ${descriptor.digest}: it is not in ${file}`, {
          code: 'BLOB_NOT_FOUND',
        });
      }
      const verified = verifyingStream(descriptor);
      pipeline(archive.open(path), verified, () => {});
      return verified;
    },
  };
  return source;
}

/** The names of the images in an archive. @throws MabuildError `ARCHIVE_INVALID` */
export async function ociArchiveTags(file: string, options: CallOptions = {}): Promise<readonly string[]> {
  const archive = await openTarFile(file, options);
  return namesIn(parseImageIndex(await archive.bytes('index.json'), { of: `${file}: index.json` }));
}

/** An archive being written: whole after `close`, gone after `abort`. */
export interface ArchiveSink extends ImageSink {
  close(options?: CallOptions): Promise<void>;
  abort(): Promise<void>;
}

/** Collects an OCI layout beside the file and writes it as one tar in the end; the file is there whole or not at all. */
export async function createOciArchiveSink(file: string): Promise<ArchiveSink> {
  const directory = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}`);
  const sink = await createLayoutSink(directory);
  const abort = (): Promise<void> => rm(directory, { recursive: true, force: true });
  return {
    has: (descriptor, options) => sink.has(descriptor, options),
    put: (descriptor, open, options) => sink.put(descriptor, open, options),
    tag: (name, descriptor, options) => sink.tag(name, descriptor, options),
    refer: async (subject, referrers, options) => sink.refer?.(subject, referrers, options),
    async close(options = {}) {
      const temporary = `${directory}.tar`;
      try {
        const abortable = options.signal ? { signal: options.signal } : {};
        await pipelineDone(packTar(filesOf(directory)), createWriteStream(temporary), abortable);
        await rename(temporary, file);
      } finally {
        await rm(temporary, { force: true });
        await abort();
      }
    },
    abort,
  };
}

/**
 * Writes an image or an index, with everything that it names, as `docker load` reads it into a containerd image store.
 *
 * @param root what each of `references` will stand for; without one it is loaded under its digest alone
 */
export function ociArchive(
  source: ImageSource,
  root: Descriptor,
  references: readonly ImageReference[],
  options: CallOptions = {},
): Readable {
  return packTar(archiveEntries(source, root, references, options));
}

async function* archiveEntries(
  source: ImageSource,
  root: Descriptor,
  references: readonly ImageReference[],
  options: CallOptions,
): AsyncGenerator<PackEntry> {
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: references.length === 0 ? [root] : references.map((reference) => named(root, reference)),
  };
  yield document('oci-layout', Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' })));
  yield document('index.json', Buffer.from(JSON.stringify(index)));
  const written = new Set<string>();
  const pending = [root];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (written.has(next.digest)) continue;
    written.add(next.digest);
    const bytes = await readDocument(source, next, options);
    yield document(blobPath(next), bytes);
    if (isIndexType(next.mediaType)) {
      pending.push(...parseImageIndex(bytes).manifests);
      continue;
    }
    const { config, layers } = parseImageManifest(bytes);
    for (const blob of [config, ...layers.filter((layer) => !isForeignLayerType(layer.mediaType))]) {
      if (written.has(blob.digest)) continue;
      written.add(blob.digest);
      const open = (): Promise<Readable> => source.read(blob, options);
      yield { ...ofRoot, name: blobPath(blob), type: 'file', mode: 0o644, size: blob.size, open };
    }
  }
}

/** The entry of `index.json` for one name: containerd takes the whole reference from an annotation of its own. */
function named(root: Descriptor, reference: ImageReference): Descriptor {
  const tag = reference.tag ?? 'latest';
  return {
    ...root,
    annotations: {
      ...root.annotations,
      'io.containerd.image.name': formatReference({ ...reference, tag }),
      [refNameAnnotation]: tag,
    },
  };
}

function document(name: string, bytes: Buffer): PackEntry {
  const open = (): Readable => Readable.from([bytes], { objectMode: false });
  return { ...ofRoot, name, type: 'file', mode: 0o644, size: bytes.length, open };
}

function blobPath({ digest }: Descriptor): string {
  const { algorithm, encoded } = parseDigest(digest);
  return `blobs/${algorithm}/${encoded}`;
}

const ofRoot = { uid: 0, gid: 0, mtime: 0 } as const;

async function* filesOf(directory: string): AsyncGenerator<PackEntry> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
  yield { ...ofRoot, name: 'blobs/', type: 'directory', mode: 0o755 };
  yield { ...ofRoot, name: 'blobs/sha256/', type: 'directory', mode: 0o755 };
  for (const path of paths) {
    const { size } = await stat(join(directory, path));
    const open = (): Readable => createReadStream(join(directory, path));
    yield { ...ofRoot, name: path.replaceAll('\\', '/'), type: 'file', mode: 0o644, size, open };
  }
}
