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
  type GrowingBlob,
  type LayerFacts,
  mediaTypes,
  placeFile,
  type StoredBlob,
  scanLayer,
} from '@mabuild/oci';
import { drained } from '../../../drained.ts';
import { isDense } from './density.ts';
import { type GrowingFile, growingFile } from './growing-file.ts';
import { writeBehind } from './write-behind.ts';
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

export interface StoreLayerOptions extends CallOptions {
  /** Told of the blob when its first bytes are about to be written. */
  readonly onGrowing?: ((blob: GrowingBlob) => void) | undefined;
}

/**
 * Compresses, hashes and scans a layer's tar in one pass, and stores it. Pieces are compressed side by side, as pigz does it;
 * what does not get smaller is stored as it is.
 */
export async function storeLayer(
  store: BlobStore,
  tar: AsyncIterable<LayerChunk>,
  { signal, onGrowing }: StoreLayerOptions = {},
): Promise<StoredTar> {
  const folder = dirname(store.fileOf(digestOf(Buffer.alloc(0))));
  await mkdir(folder, { recursive: true });
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  let size = 0;
  const copy = new PassThrough({ highWaterMark: 4 * pieceSize });
  const scanning = scanLayer(copy, { signal });
  scanning.catch(() => {});
  let growing: GrowingFile | undefined;
  try {
    let digest = '';
    const path = await placeFile(folder, async (handle, temporary) => {
      growing = onGrowing && growingFile(temporary);
      if (growing) onGrowing?.(growing.blob);
      const file = writeBehind(handle, growing?.grew);
      const put = async (parts: readonly Buffer[]): Promise<void> => {
        for (const part of parts) {
          stored.update(part);
          size += part.length;
        }
        await file.write(parts);
      };
      try {
        await put([gzipHeader]);
        const underway: Promise<readonly Buffer[]>[] = [];
        let before: Buffer = Buffer.alloc(0);
        let checksum = 0;
        let length = 0;
        for await (const { bytes, dense } of pieces(tar)) {
          signal?.throwIfAborted();
          plain.update(bytes);
          checksum = crc32(bytes, checksum);
          length += bytes.length;
          if (!copy.destroyed && !copy.write(bytes)) await drained(copy);
          const packing = dense ? Promise.resolve(storedBlocks(bytes)) : packed(bytes, before);
          packing.catch(() => {});
          underway.push(packing);
          before = bytes.subarray(-windowSize);
          if (underway.length >= piecesAtOnce) await put((await underway.shift()) ?? []);
        }
        copy.end();
        for (const packing of underway) await put(await packing);
        await put([gzipEnd(checksum, length)]);
      } finally {
        await file.end();
      }
      digest = `sha256:${stored.digest('hex')}`;
      return store.fileOf(digest);
    });
    growing?.end({ mediaType: mediaTypes.ociLayerGzip, digest, size }, path);
    return { digest, size, diffId: `sha256:${plain.digest('hex')}`, facts: await scanning };
  } catch (error) {
    growing?.fail(error);
    throw error;
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

/** A piece as it takes less room, where that is worth the time. */
async function packed(bytes: Buffer, before: Buffer): Promise<readonly Buffer[]> {
  return (await isDense(bytes)) ? storedBlocks(bytes) : await deflated(bytes, before);
}

/** A piece as deflate blocks that end at a byte; it may repeat what stands in the piece before. */
async function deflated(bytes: Buffer, before: Buffer): Promise<readonly Buffer[]> {
  const options: ZlibOptions = {
    level: gzipLevel,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: pieceSize,
  };
  return [await deflate(bytes, before.length > 0 ? { ...options, dictionary: before } : options)];
}

/** A piece as it is, not copied: RFC 1951, "Non-compressed blocks". */
function storedBlocks(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += longestBlock) {
    const some = bytes.subarray(at, at + longestBlock);
    const header = Buffer.alloc(5);
    header.writeUInt16LE(some.length, 1);
    header.writeUInt16LE(~some.length & 0xffff, 3);
    parts.push(header, some);
  }
  return parts;
}

interface Piece extends LayerChunk {
  readonly bytes: Buffer;
}

/** The same bytes in pieces of one size, but where density changes; what comes as a whole piece is not copied. */
async function* pieces(tar: AsyncIterable<LayerChunk>): AsyncGenerator<Piece> {
  let held: Buffer = Buffer.allocUnsafe(pieceSize);
  let length = 0;
  let dense = false;
  const take = (): Piece => {
    const bytes = held.subarray(0, length);
    length = 0;
    // Of what is short the buffer is used again.
    if (bytes.length < pieceSize / 2) return { bytes: Buffer.from(bytes), dense };
    held = Buffer.allocUnsafe(pieceSize);
    return { bytes, dense };
  };
  for await (const chunk of tar) {
    if (chunk.dense !== dense && length > 0) yield take();
    dense = chunk.dense;
    for (let at = 0; at < chunk.bytes.length; ) {
      const some = chunk.bytes.subarray(at, at + pieceSize - length);
      at += some.length;
      if (some.length === pieceSize) {
        yield { bytes: Buffer.from(some.buffer, some.byteOffset, some.byteLength), dense };
        continue;
      }
      held.set(some, length);
      length += some.length;
      if (length === pieceSize) yield take();
    }
  }
  if (length > 0) yield take();
}
