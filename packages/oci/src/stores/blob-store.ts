import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Descriptor } from '../descriptor.ts';
import { parseDigest, verifyingStream } from '../digest.ts';
import { MabuildError } from '../error.ts';
import type { CallOptions, ReadOptions } from '../image-source.ts';
import { placeFile } from './place-file.ts';

/** Bytes that are read of a file at a time: each read costs more than its bytes, and many files are read side by side. */
const readLength = 512 * 1024;

/** What became of a layer that was stored. */
export interface StoredBlob {
  readonly digest: string;
  /** Bytes as stored. */
  readonly size: number;
  /** Digest of the bytes before compression. */
  readonly diffId: string;
}

export interface StoreOptions extends CallOptions {
  /** Level of gzip; `undefined` stores the bytes as they come. */
  readonly gzip?: number | undefined;
}

export interface BlobStoreOptions {
  /** Told the file of a blob before it is looked for, so that nobody deletes it from then on. @default nobody does */
  readonly claim?: ((file: string) => Promise<void>) | undefined;
}

/** Blobs in a folder, `blobs/<algorithm>/<hex>`, as in an OCI image layout; a blob is there whole or not at all. */
export class BlobStore {
  readonly directory: string;
  readonly #claim: BlobStoreOptions['claim'];

  constructor(directory: string, { claim }: BlobStoreOptions = {}) {
    this.directory = directory;
    this.#claim = claim;
  }

  /** The file of a blob, whether it is there or not. @throws MabuildError `INVALID_DIGEST` */
  fileOf(digest: string): string {
    const { algorithm, encoded } = parseDigest(digest);
    return join(this.directory, 'blobs', algorithm, encoded);
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    const file = this.fileOf(descriptor.digest);
    await this.#claim?.(file);
    const found = await stat(file).catch(() => undefined);
    return found?.size === descriptor.size;
  }

  /** Opens a blob; its bytes are verified while they are read, unless asked not to. @throws MabuildError `BLOB_NOT_FOUND`, `SIZE_MISMATCH` */
  async read(descriptor: Descriptor, { unverified }: ReadOptions = {}): Promise<Readable> {
    const name = this.fileOf(descriptor.digest);
    await this.#claim?.(name);
    const found = await stat(name).catch(() => undefined);
    if (found === undefined) {
      throw new MabuildError(`reading blob ${descriptor.digest}: it is not in ${this.directory}`, {
        code: 'BLOB_NOT_FOUND',
        hint: 'something deleted it; build or pull the image again',
      });
    }
    if (found.size !== descriptor.size) {
      const sizes = `${this.directory} holds ${found.size} bytes, not ${descriptor.size}`;
      throw new MabuildError(`reading blob ${descriptor.digest}: ${sizes}`, {
        code: 'SIZE_MISMATCH',
        hint: 'it is damaged; build or pull the image again',
      });
    }
    const file = createReadStream(name, { highWaterMark: readLength });
    if (unverified === true) {
      // Whoever reads it meets the error, also when it comes before the reader.
      file.on('error', () => undefined);
      return file;
    }
    const verified = verifyingStream(descriptor);
    pipeline(file, verified).catch(() => {});
    return verified;
  }

  /** Stores bytes under the digest that they turn out to have; memory does not grow with them. */
  async add(body: AsyncIterable<Uint8Array>, options: StoreOptions = {}): Promise<StoredBlob> {
    const plain = createHash('sha256');
    const stored = createHash('sha256');
    let size = 0;
    const hashing = (update: (chunk: Buffer) => void): Transform =>
      new Transform({
        transform(chunk: Buffer, _encoding, done) {
          update(chunk);
          done(null, chunk);
        },
      });
    const folder = join(this.directory, 'blobs', 'sha256');
    await mkdir(folder, { recursive: true });
    const before = hashing((chunk) => plain.update(chunk));
    const after = hashing((chunk) => {
      stored.update(chunk);
      size += chunk.length;
    });
    const abort = options.signal ? { signal: options.signal } : {};
    try {
      const file = await placeFile(folder, async (handle) => {
        const output = handle.createWriteStream();
        if (options.gzip === undefined) await pipeline(body, before, after, output, abort);
        else
          await pipeline(
            body,
            before,
            createGzip({ level: options.gzip, chunkSize: 64 * 1024 }),
            after,
            output,
            abort,
          );
        return join(folder, stored.digest('hex'));
      });
      return { digest: `sha256:${basename(file)}`, size, diffId: `sha256:${plain.digest('hex')}` };
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error;
    }
  }
}
