import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type CallOptions, layerCompressionOf } from '@mabuild/oci';

/** A blob that was written to disk. */
export interface SpooledBlob {
  readonly file: string;
  /** Bytes in the file. */
  readonly size: number;
  /** Of the file's bytes. */
  readonly digest: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Of the uncompressed bytes; `undefined` for zstd, which this Node may not read. */
  readonly diffId: string | undefined;
}

/** Writes a stream to a file while both of its digests are taken; it is read once. */
export async function spool(body: Readable, file: string, options: CallOptions = {}): Promise<SpooledBlob> {
  const stored = createHash('sha256');
  let size = 0;
  let head: Buffer = Buffer.alloc(0);
  let unpacked: Hash | undefined;
  let unpacking: Promise<void> | undefined;
  const gunzip = createGunzip();
  const tee = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (size < 4) head = Buffer.concat([head, chunk.subarray(0, 4)]);
      size += chunk.length;
      stored.update(chunk);
      if (unpacking === undefined && layerCompressionOf(head) === 'gzip') {
        unpacked = createHash('sha256');
        unpacking = pipeline(gunzip, hashInto(unpacked));
        // Awaited after the file is written.
        unpacking.catch(() => {});
      }
      if (unpacking === undefined || gunzip.destroyed || gunzip.write(chunk)) done(null, chunk);
      else {
        const go = (): void => {
          gunzip.off('drain', go).off('close', go);
          done(null, chunk);
        };
        gunzip.on('drain', go).on('close', go);
      }
    },
    flush(done) {
      if (unpacking !== undefined) gunzip.end();
      done();
    },
  });
  try {
    await pipeline(body, tee, createWriteStream(file), { ...(options.signal && { signal: options.signal }) });
    await unpacking;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    gunzip.destroy();
  }
  const digest = `sha256:${stored.digest('hex')}`;
  const compression = layerCompressionOf(head);
  const diffId = compression === 'none' ? digest : unpacked && `sha256:${unpacked.digest('hex')}`;
  return { file, size, digest, compression, diffId };
}

function hashInto(hash: Hash): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done();
    },
  });
}
