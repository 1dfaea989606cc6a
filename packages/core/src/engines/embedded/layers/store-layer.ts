import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { constants, crc32, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import {
  type BlobStore,
  type CallOptions,
  digestOf,
  type LayerFacts,
  placeFile,
  type StoredBlob,
  scanLayer,
} from '@mabuild/oci';
import { drained } from '../../../drained.ts';
import type { LayerChunk } from './write-layer.ts';

/** Fast, and within a tenth of the size that the slowest level reaches on system files. */
export const gzipLevel = 4;
/** RFC 1952: no name, no time, no system, so that it is the same everywhere. Node changes parameters of plain deflate only. */
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** What is compressed at a time: the result does not depend on how the tar came in pieces. */
const pieceSize = 256 * 1024;

/** A layer in the store, and what is in it for those who judge images. */
export interface StoredTar extends StoredBlob {
  readonly facts: LayerFacts;
}

/**
 * Compresses, hashes and scans a layer's tar in one pass, and stores it. What does not get smaller is only wrapped: searching
 * it for repetitions would take most of the time.
 */
export async function storeLayer(
  store: BlobStore,
  tar: AsyncIterable<LayerChunk>,
  { signal }: CallOptions = {},
): Promise<StoredTar> {
  const folder = dirname(store.fileOf(digestOf(Buffer.alloc(0))));
  await mkdir(folder, { recursive: true });
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  let size = 0;
  const copy = new PassThrough();
  const scanning = scanLayer(copy, { signal });
  scanning.catch(() => {});
  const deflate = createDeflateRaw({ level: gzipLevel, chunkSize: pieceSize });
  try {
    let digest = '';
    await placeFile(folder, async (handle) => {
      const put = async (bytes: Buffer): Promise<void> => {
        stored.update(bytes);
        size += bytes.length;
        for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
      };
      const writing = (async () => {
        await put(gzipHeader);
        for await (const chunk of deflate as AsyncIterable<Buffer>) await put(chunk);
      })();
      writing.catch(() => {});
      let dense = false;
      let checksum = 0;
      let length = 0;
      for await (const piece of pieces(tar)) {
        signal?.throwIfAborted();
        plain.update(piece.bytes);
        checksum = crc32(piece.bytes, checksum);
        length += piece.bytes.length;
        if (!copy.destroyed && !copy.write(piece.bytes)) await drained(copy);
        if (piece.dense !== dense) await setDense(deflate, piece.dense);
        dense = piece.dense;
        await Promise.race([write(deflate, piece.bytes), writing]);
      }
      copy.end();
      deflate.end();
      await writing;
      await put(gzipTrailer(checksum, length));
      digest = `sha256:${stored.digest('hex')}`;
      return store.fileOf(digest);
    });
    return { digest, size, diffId: `sha256:${plain.digest('hex')}`, facts: await scanning };
  } finally {
    copy.destroy();
    deflate.destroy();
  }
}

function gzipTrailer(checksum: number, length: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  return trailer;
}

/** The same bytes in pieces of one size, but where density changes. */
async function* pieces(tar: AsyncIterable<LayerChunk>): AsyncGenerator<LayerChunk> {
  let held: Buffer = Buffer.allocUnsafe(pieceSize);
  let length = 0;
  let dense = false;
  const take = (): LayerChunk => {
    const bytes = held.subarray(0, length);
    held = Buffer.allocUnsafe(pieceSize);
    length = 0;
    return { bytes, dense };
  };
  for await (const chunk of tar) {
    if (chunk.dense !== dense && length > 0) yield take();
    dense = chunk.dense;
    for (let at = 0; at < chunk.bytes.length; ) {
      const some = chunk.bytes.subarray(at, at + pieceSize - length);
      held.set(some, length);
      length += some.length;
      at += some.length;
      if (length === pieceSize) yield take();
    }
  }
  if (length > 0) yield take();
}

/** Resolves when all of it is compressed: parameters that are set then hold for what follows only. */
function write(deflate: DeflateRaw, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    deflate.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function setDense(deflate: DeflateRaw, dense: boolean): Promise<void> {
  const { Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY } = constants;
  return new Promise((resolve) => {
    deflate.params(dense ? 1 : gzipLevel, dense ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY, resolve);
  });
}
