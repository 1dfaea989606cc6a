import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type CallOptions, compressionOf, decompressed, isMabuildError, MabuildError } from '@mabuild/oci';
import type { BuildContext } from './context.ts';
import { openFolderContext } from './folder-context.ts';
import { unpackTar } from './unpack.ts';

export interface TarContextOptions extends CallOptions {
  /** Where the folder to unpack into is made. */
  readonly temporaryDirectory: string;
  /** The Dockerfile's path inside the tar. */
  readonly dockerfile: string;
}

export interface TarContext {
  readonly context: BuildContext;
  /** Where the tar was unpacked; empty for a Dockerfile. */
  readonly directory: string;
  /** Set when the stream was no tar but a Dockerfile. */
  readonly dockerfileText?: string;
}

/** Bytes of a tar header. */
const headerSize = 512;
/** Bytes of the longest Dockerfile that is taken. */
const longestDockerfile = 16 * 1024 * 1024;

/**
 * Opens a stream as a build context: a tar, plain or compressed, or the text of a Dockerfile whose context is empty.
 * Closing the context deletes what was unpacked.
 *
 * @throws MabuildError `CONTEXT_ARCHIVE_INVALID`, `UNSUPPORTED_COMPRESSION`, `DOCKERIGNORE_INVALID`
 */
export async function openTarContext(stream: Readable, options: TarContextOptions): Promise<TarContext> {
  const { signal } = options;
  const directory = join(options.temporaryDirectory, `context-${randomBytes(6).toString('hex')}`);
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const abort = (): void => void stream.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    await mkdir(directory, { recursive: true });
    const { start, whole } = await peek(stream);
    let dockerfileText: string | undefined;
    if (isArchive(start)) await unpack(whole, directory, options);
    else dockerfileText = await readText(whole);
    const context = await openFolderContext(directory, {
      ...(dockerfileText === undefined && { dockerfile: join(directory, options.dockerfile) }),
      signal,
      unpackedInto: directory,
      onClose: remove,
    });
    return { context, directory, ...(dockerfileText !== undefined && { dockerfileText }) };
  } catch (error) {
    await remove();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function unpack(body: Readable, directory: string, { signal }: CallOptions): Promise<void> {
  try {
    await unpackTar(await decompressed(body, { signal }), directory, { signal });
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    const { code, hint, message } = error as MabuildError;
    if (!['INVALID_TAR', 'INVALID_COMPRESSION', 'UNSAFE_PATH'].includes(code)) throw error;
    const reason = message.replace(`unpacking a tar into ${directory}: `, '');
    throw invalid(`the build context is no archive that can be unpacked: ${reason}`, hint, error);
  }
}

async function readText(body: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > longestDockerfile || chunk.includes(0))
      throw invalid('what was given as build context is neither a tar nor a Dockerfile');
  }
  if (size === 0) throw invalid('what was given as build context is empty');
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads as much as a tar header takes, and gives the whole stream back. */
async function peek(stream: Readable): Promise<{ readonly start: Buffer; readonly whole: Readable }> {
  const iterator: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < headerSize) {
    const next = await iterator.next();
    if (next.done === true) break;
    start = Buffer.concat([start, Buffer.from(next.value)]);
  }
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (start.length > 0) yield start;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value;
    } finally {
      stream.destroy();
    }
  };
  return { start, whole: Readable.from(chunks(), { objectMode: false }) };
}

/** Tells an archive from text: a compressor's magic, a tar header with a right checksum, or the zeros of an empty tar. */
function isArchive(start: Buffer): boolean {
  if (compressionOf(start) !== 'none') return true;
  if (start.length < headerSize) return false;
  const header = Buffer.from(start.subarray(0, headerSize));
  if (header.every((byte) => byte === 0)) return true;
  const written = Number.parseInt(header.toString('latin1', 148, 156).replace(/\0.*$/s, ''), 8);
  header.fill(' ', 148, 156);
  return header.reduce((sum, byte) => sum + byte, 0) === written;
}

function invalid(message: string, hint?: string, cause?: unknown): MabuildError {
  return new MabuildError(message, {
    code: 'CONTEXT_ARCHIVE_INVALID',
    hint: hint ?? 'pipe the output of `tar -C FOLDER -c .`, or a Dockerfile',
    cause,
  });
}
