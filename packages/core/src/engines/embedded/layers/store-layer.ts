import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib';
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
/** RFC 1952: no name, no time, no system, so that it is the same everywhere. */
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** How far deflate looks back, bytes. */
const windowSize = 32 * 1024;
/** Bytes that one block holds as they are. */
const longestBlock = 65_535;
/** Pieces that are compressed side by side. */
const piecesAtOnce = 8;
/** What is compressed at a time: the result does not depend on how the tar came in pieces. */
const pieceSize = 256 * 1024;

/** A layer in the store, and what is in it for those who judge images. */
export interface StoredTar extends StoredBlob {
  readonly facts: LayerFacts;
}

/**
 * Compresses, hashes and scans a layer's tar in one pass, and stores it. Pieces are compressed side by side, as pigz does it;
 * what does not get smaller is stored as it is.
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
  try {
    let digest = '';
    await placeFile(folder, async (handle) => {
      const put = async (bytes: Buffer): Promise<void> => {
        stored.update(bytes);
        size += bytes.length;
        for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
      };
      await put(gzipHeader);
      const underway: Promise<Buffer>[] = [];
      let before: Buffer = Buffer.alloc(0);
      let checksum = 0;
      let length = 0;
      for await (const { bytes, dense } of pieces(tar)) {
        signal?.throwIfAborted();
        plain.update(bytes);
        checksum = crc32(bytes, checksum);
        length += bytes.length;
        if (!copy.destroyed && !copy.write(bytes)) await drained(copy);
        const packing = dense ? Promise.resolve(storedBlocks(bytes)) : deflated(bytes, before);
        packing.catch(() => {});
        underway.push(packing);
        before = bytes.subarray(-windowSize);
        if (underway.length >= piecesAtOnce) await put((await underway.shift()) as Buffer);
      }
      copy.end();
      for (const packing of underway) await put(await packing);
      await put(gzipEnd(checksum, length));
      digest = `sha256:${stored.digest('hex')}`;
      return store.fileOf(digest);
    });
    return { digest, size, diffId: `sha256:${plain.digest('hex')}`, facts: await scanning };
  } finally {
    copy.destroy();
  }
}

/** The empty last block, checksum and length. */
function gzipEnd(checksum: number, length: number): Buffer {
  const end = Buffer.alloc(10);
  end.writeUInt16LE(3, 0);
  end.writeUInt32LE(checksum, 2);
  end.writeUInt32LE(length % 2 ** 32, 6);
  return end;
}

const deflate = promisify<Buffer, ZlibOptions, Buffer>(deflateRaw);

/** A piece as deflate blocks that end at a byte; it may repeat what stands in the piece before. */
async function deflated(bytes: Buffer, before: Buffer): Promise<Buffer> {
  const options: ZlibOptions = {
    level: gzipLevel,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: pieceSize,
  };
  return await deflate(bytes, before.length > 0 ? { ...options, dictionary: before } : options);
}

/** A piece as it is: RFC 1951, "Non-compressed blocks". */
function storedBlocks(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / longestBlock);
  const stored = Buffer.allocUnsafe(bytes.length + blocks * 5);
  let end = 0;
  for (let at = 0; at < bytes.length; at += longestBlock) {
    const some = bytes.subarray(at, at + longestBlock);
    stored[end] = 0;
    stored.writeUInt16LE(some.length, end + 1);
    stored.writeUInt16LE(~some.length & 0xffff, end + 3);
    stored.set(some, end + 5);
    end += some.length + 5;
  }
  return stored;
}

interface Piece extends LayerChunk {
  readonly bytes: Buffer;
}

/** The same bytes in pieces of one size, but where density changes. */
async function* pieces(tar: AsyncIterable<LayerChunk>): AsyncGenerator<Piece> {
  let held: Buffer = Buffer.allocUnsafe(pieceSize);
  let length = 0;
  let dense = false;
  const take = (): Piece => {
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
