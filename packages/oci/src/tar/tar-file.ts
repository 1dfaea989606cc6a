import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { MabuildError } from '../error.ts';
import type { CallOptions } from '../image-source.ts';
import { compressionOf } from './decompress.ts';
import { readTarRecords } from './tar-records.ts';

/** Largest document that is read whole, bytes. */
const largestDocument = 16 * 1024 * 1024;

/** An uncompressed tar on disk whose files can be read one by one without unpacking it. */
export interface TarFile {
  /** Where links lead; the path itself when it is none. */
  follow(path: string): string;
  /** Opens a file. @throws MabuildError `ARCHIVE_INVALID` when it is not there. */
  open(path: string): Readable;
  /** Reads a file, or its first bytes. */
  bytes(path: string, first?: number): Promise<Buffer>;
  has(path: string): boolean;
  readonly paths: readonly string[];
}

interface Member {
  readonly offset: number;
  readonly size: number;
}

/**
 * Notes where each file of a tar lies. Names are looked up, never written to disk, so none can escape.
 * @throws MabuildError `ARCHIVE_INVALID`, `INVALID_TAR`
 */
export async function openTarFile(file: string, options: CallOptions = {}): Promise<TarFile> {
  const members = new Map<string, Member>();
  const links = new Map<string, string>();
  let position = 0;
  const stream = createReadStream(file, {
    highWaterMark: 1024 * 1024,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    for await (const record of readTarRecords(stream)) {
      if ('trailer' in record) break;
      const path = posix.normalize(record.name).replace(/^\/+|\/+$/g, '');
      const offset = position + record.header.length;
      position = offset + Math.ceil(record.size / 512) * 512;
      if (record.type === '0' || record.type === '7') members.set(path, { offset, size: record.size });
      if (record.type === '2')
        links.set(path, posix.normalize(posix.join(posix.dirname(path), record.linkname)));
      if (record.type === '1') links.set(path, posix.normalize(record.linkname));
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'INVALID_TAR' && position === 0) throw await notATar(file, error);
    if (code !== 'ENOENT') throw error;
    throw missing(file, 'there is no such file', error);
  } finally {
    stream.destroy();
  }
  const find = (path: string): Member => {
    const member = members.get(path);
    if (member) return member;
    throw missing(file, `${path} is missing`);
  };
  return {
    paths: [...members.keys()],
    has: (path) => members.has(path),
    follow(path) {
      let at = posix.normalize(path);
      for (let hops = 0; hops < 16; hops += 1) {
        const target = links.get(at);
        if (target === undefined) break;
        at = target;
      }
      return at;
    },
    open(path) {
      const { offset, size } = find(path);
      if (size === 0) return Readable.from([], { objectMode: false });
      return createReadStream(file, { start: offset, end: offset + size - 1 });
    },
    async bytes(path, first) {
      const { offset, size } = find(path);
      const length = Math.min(size, first ?? size);
      if (length > largestDocument) throw missing(file, `${path} has ${size} bytes, too many for a document`);
      if (length === 0) return Buffer.alloc(0);
      return buffer(createReadStream(file, { start: offset, end: offset + length - 1 }));
    },
  };
}

/** Says so when the archive as a whole is compressed, as in `docker save | gzip`: the likeliest reason. */
async function notATar(file: string, error: unknown): Promise<unknown> {
  const compression = compressionOf(await buffer(createReadStream(file, { end: 15 })));
  if (compression === 'none') return missing(file, 'it is no tar', error);
  return new MabuildError(`opening archive ${file}: it is compressed with ${compression}`, {
    code: 'UNSUPPORTED_COMPRESSION',
    hint: 'decompress it first, e.g. with gunzip',
  });
}

function missing(file: string, why: string, cause?: unknown): MabuildError {
  return new MabuildError(`opening archive ${file}: ${why}`, {
    code: 'ARCHIVE_INVALID',
    hint: 'name an uncompressed tar that `docker save` or an OCI tool wrote',
    cause,
  });
}
