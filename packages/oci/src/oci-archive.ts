import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { pipeline as pipelineDone } from 'node:stream/promises';
import { parseDigest, verifyingStream } from './digest.ts';
import { MabuildError } from './error.ts';
import type { ImageSink } from './image-sink.ts';
import type { CallOptions, ImageSource } from './image-source.ts';
import { chooseEntry, createLayoutSink } from './layout.ts';
import { parseImageIndex } from './parse-manifest.ts';
import { type PackEntry, packTar } from './tar.ts';
import { openTarFile } from './tar-file.ts';

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
  return {
    root,
    async read(descriptor) {
      const { algorithm, encoded } = parseDigest(descriptor.digest);
      const path = `blobs/${algorithm}/${encoded}`;
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
