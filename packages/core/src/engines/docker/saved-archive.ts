import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { MabuildError, readTarEntries } from '@mabuild/oci';
import type { ExportOptions } from '../engine.ts';
import { type SpooledBlob, spool } from './spool.ts';

/** What a tar entry's body fails with when the archive ends inside it. */
const cutOff = 'STREAM_DESTROYED';

/** Largest config or manifest that is believed, bytes. */
export const largestDocument: number = 16 * 1024 * 1024;

/** What one archive held, by the path inside it. */
export interface Archive {
  readonly spooled: Map<string, SpooledBlob>;
  /** Layers whose body was not read: their diff id and stored size. */
  readonly skipped: Map<string, { readonly diffId: string; readonly size: number }>;
  readonly documents: Map<string, Buffer>;
  readonly links: Map<string, string>;
}

/**
 * Spools what an archive holds; its layers' bodies are not read where `known` names them.
 *
 * @throws MabuildError `EXPORT_INVALID`
 */
export async function readArchive(body: Readable, imageId: string, options: ExportOptions): Promise<Archive> {
  const archive: Archive = { spooled: new Map(), skipped: new Map(), documents: new Map(), links: new Map() };
  let count = 0;
  let read = 0;
  try {
    for await (const entry of readTarEntries(body, { signal: options.signal })) {
      read++;
      const path = posix.normalize(entry.name);
      if (entry.type === 'symlink' || entry.type === 'link') {
        const target =
          entry.type === 'symlink'
            ? posix.join(posix.dirname(path), entry.linkname ?? '')
            : (entry.linkname ?? '');
        archive.links.set(path, posix.normalize(target));
      } else if (entry.type === 'file' && isDocument(path)) {
        if (entry.size > largestDocument) throw invalid(imageId, `${path} has ${entry.size} bytes`);
        archive.documents.set(path, await buffer(entry.body));
      } else if (entry.type === 'file') {
        const diffId = await options.known?.(path);
        if (diffId !== undefined) archive.skipped.set(path, { diffId, size: entry.size });
        else
          archive.spooled.set(
            path,
            await spool(
              Readable.from(entry.body, { objectMode: false }),
              join(options.directory, `layer-${count++}`),
              options,
            ),
          );
      }
    }
  } catch (cause) {
    options.signal?.throwIfAborted();
    // Anything else is not the archive's fault: a full disk, a broken connection.
    const { code } = cause as NodeJS.ErrnoException;
    if (body.errored !== null) throw body.errored;
    if (code !== 'INVALID_TAR' && code !== cutOff && !code?.startsWith('Z_')) throw cause;
    throw invalid(imageId, code === cutOff ? 'it breaks off' : (cause as Error).message, cause);
  }
  if (read === 0) throw invalid(imageId, 'the archive is empty');
  return archive;
}

/** What is small and needed as a whole; the blobs of an OCI layout do not say which they are. */
function isDocument(path: string): boolean {
  return /(^|\/)(VERSION|json|repositories|oci-layout|[^/]*\.json)$/.test(path);
}

/** A config or a manifest; `broken` makes the error of one that is not there. */
export async function document(
  archive: Archive,
  path: string,
  broken: (why: string) => MabuildError,
): Promise<Buffer> {
  const at = follow(archive, path);
  const found = archive.documents.get(at);
  if (found !== undefined) return found;
  const blob = archive.spooled.get(at);
  if (blob === undefined) throw broken(`${path} is missing`);
  if (blob.size > largestDocument) throw broken(`${path} has ${blob.size} bytes`);
  return await readFile(blob.file);
}

/** Where a path leads; podman and old dockerds write links for layers that occur twice. */
export function follow(archive: Archive, path: string): string {
  let at = posix.normalize(path);
  for (let hops = 0; hops < 16; hops++) {
    const target = archive.links.get(at);
    if (target === undefined) break;
    at = target;
  }
  return at;
}

/** The error of an archive that holds no whole image. */
export function invalid(imageId: string, why: string, cause?: unknown): MabuildError {
  return new MabuildError(`the engine's export of image ${imageId} is not a whole image: ${why}`, {
    code: 'EXPORT_INVALID',
    hint: "try again; if it stays, the engine's image store is damaged",
    cause,
  });
}
