import { PassThrough, Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Descriptor } from '../descriptor.ts';
import { digestStream, verifyingStream } from '../digest.ts';
import { MabuildError } from '../error.ts';
import type { OpenBody } from '../image-sink.ts';
import type { CallOptions } from '../image-source.ts';
import { mediaTypes } from '../media-type.ts';
import type { BlobStore } from '../stores/blob-store.ts';
import { compressionOf, decompressed } from '../tar/decompress.ts';
import type { LayerFacts } from '../verify/layer-facts.ts';
import { scanLayer } from '../verify/scan-layer.ts';
import { checkRootfs } from './check-rootfs.ts';

/** A root filesystem as the one layer of an image. */
export interface RootfsLayer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** What was seen in it on the way. */
  readonly facts: LayerFacts;
  /** Opens the layer; its bytes are verified while they are read. */
  open(): Promise<Readable>;
}

const gzipLevel = 6;
/** Where gzip ends, its checksum and length stand: never all zero, so that zeros are padding. */
const trailerLength = 8;

/**
 * Reads the tar of a root filesystem, plain or compressed with gzip, xz or zstd, as a layer; memory does not grow with it.
 *
 * gzip stays as it is, other content is compressed into `store`.
 * @param open opens the archive; called twice or more
 * @throws MabuildError `INVALID_TAR`, `INVALID_COMPRESSION`, `UNSUPPORTED_COMPRESSION`, `UNSAFE_PATH`, `ROOTFS_INVALID`
 */
export async function readRootfs(
  open: OpenBody,
  store: BlobStore,
  options: CallOptions = {},
): Promise<RootfsLayer> {
  if (compressionOf(await startOf(await open())) === 'gzip') {
    const asItIs = await readGzip(open, options);
    if (asItIs !== undefined) return asItIs;
  }
  const plain = checkRootfs(await decompressed(await open(), options));
  const zip = new PassThrough();
  let failure: { readonly error: unknown } | undefined;
  const storing = store.add(zip, { ...options, gzip: gzipLevel }).catch((error: unknown) => {
    failure ??= { error };
    zip.destroy();
    return undefined;
  });
  const facts = await scan(forked(plain, zip), options).catch((error: unknown) => {
    failure ??= { error };
    zip.destroy();
    return undefined;
  });
  const stored = await storing;
  options.signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
  if (stored === undefined || facts === undefined) throw new Error('a root filesystem was lost');
  const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: stored.digest, size: stored.size };
  return { descriptor, diffId: stored.diffId, facts, open: () => store.read(descriptor) };
}

/** @returns nothing where the archive is padded, which many readers of layers refuse. */
async function readGzip(open: OpenBody, options: CallOptions): Promise<RootfsLayer | undefined> {
  const body = await open();
  const packed = digestStream();
  const chunks: AsyncIterator<Buffer> = body.pipe(packed.stream)[Symbol.asyncIterator]();
  body.once('error', (error) => packed.stream.destroy(error));
  let end = Buffer.alloc(0);
  const next = async (): Promise<IteratorResult<Buffer>> => {
    const piece = await chunks.next();
    if (piece.done !== true) end = Buffer.from(Buffer.concat([end, piece.value]).subarray(-trailerLength));
    return piece;
  };
  // Without a way to end it early: the digest is of the whole file.
  const whole = Readable.from({ [Symbol.asyncIterator]: () => ({ next }) }, { objectMode: false });
  const plain = digestStream();
  try {
    const tar = checkRootfs(await decompressed(whole, options));
    const facts = await scan(through(tar, plain.stream), options);
    while ((await next()).done !== true);
    if (end.every((byte) => byte === 0)) return undefined;
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: packed.digest(), size: packed.size() };
    return {
      descriptor,
      diffId: plain.digest(),
      facts,
      open: async () => verified(await open(), descriptor),
    };
  } finally {
    body.destroy();
  }
}

function verified(body: Readable, descriptor: Descriptor): Readable {
  return through(body, verifyingStream(descriptor));
}

function through(body: AsyncIterable<Uint8Array>, stream: Transform): Readable {
  const source = body instanceof Readable ? body : Readable.from(body, { objectMode: false });
  source.once('error', (error) => stream.destroy(error));
  return source.pipe(stream);
}

async function scan(tar: Readable, options: CallOptions): Promise<LayerFacts> {
  const facts = await scanLayer(tar, options);
  if (facts.unreadable === undefined) return facts;
  throw new MabuildError(`reading a root filesystem: ${facts.unreadable}`, {
    code: 'INVALID_TAR',
    hint: 'the archive is damaged, or no tar',
  });
}

/** The same content twice: as what is returned, and written to `copy`, at the pace of the slower reader. */
function forked(body: AsyncIterable<Uint8Array>, copy: PassThrough): Readable {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      if (copy.destroyed) return;
      if (!copy.write(piece)) await drained(copy);
      yield piece;
    }
    copy.end();
  };
  return Readable.from(pieces(), { objectMode: false });
}

function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

async function startOf(body: Readable): Promise<Buffer> {
  const start: Buffer[] = [];
  let length = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    start.push(piece);
    length += piece.length;
    if (length >= 6) break;
  }
  return buffer(Readable.from(start));
}
