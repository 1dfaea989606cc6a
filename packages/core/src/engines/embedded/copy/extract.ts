import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CallOptions, decompressed, isMabuildError, readTarRecords } from '@mabuild/oci';
import { openAt } from '../layers/content-at.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { readLayer } from '../layers/read-layer.ts';
import { pathNames, resolvePath, type TreeNode } from '../layers/tree.ts';
import { CopyError, type LayerDraft, type Owner } from './layer-draft.ts';

export interface OpenArchiveOptions extends CallOptions {
  /** For the uncompressed archive; the caller deletes it. */
  readonly temporaryDirectory: string;
}

/**
 * Reads what ADD would unpack: a tar, plain or compressed.
 *
 * @returns its entries in order; `undefined` for anything else
 * @throws MabuildError `INVALID_TAR` for an archive that is damaged further on, `UNSAFE_PATH`, `UNSUPPORTED_COMPRESSION`
 */
export async function openArchive(
  open: () => Promise<Readable>,
  options: OpenArchiveOptions,
): Promise<readonly LayerEntry[] | undefined> {
  if (!(await isArchive(open, options))) return undefined;
  await mkdir(options.temporaryDirectory, { recursive: true, mode: 0o700 });
  const file = join(options.temporaryDirectory, `archive-${randomBytes(6).toString('hex')}.tar`);
  await pipeline(await decompressed(await open(), options), createWriteStream(file, { mode: 0o600 }));
  const entries: LayerEntry[] = [];
  const tar = createReadStream(file, { highWaterMark: 256 * 1024 });
  try {
    for await (const { entry, offset, pieces, body } of readLayer(tar, { whiteouts: false })) {
      if (entry.type !== 'file') {
        entries.push(entry);
        continue;
      }
      const hash = createHash('sha256');
      for await (const chunk of body()) hash.update(chunk);
      entries.push({
        ...entry,
        digest: `sha256:${hash.digest('hex')}`,
        open: async () => openAt(file, { size: entry.size, offset, pieces }),
      });
    }
  } finally {
    tar.destroy();
  }
  return entries;
}

/** As Docker tells: what can be decompressed and starts with the header of a tar. */
async function isArchive(open: () => Promise<Readable>, options: CallOptions): Promise<boolean> {
  const body = await open();
  try {
    const plain = await decompressed(body, options);
    try {
      for await (const record of readTarRecords(plain)) return !('trailer' in record);
      return false;
    } finally {
      plain.destroy();
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isMabuildError(error) && ['INVALID_TAR', 'INVALID_COMPRESSION'].includes(error.code)) return false;
    throw error;
  } finally {
    body.destroy();
  }
}

/**
 * Unpacks an archive into a folder of a layer: owners, modes and links as the archive has them, links inside it followed
 * as if that folder were the root.
 *
 * @param folder with its links followed
 * @param owner instead of the archive's
 * @throws CopyError for a hard link to nothing
 */
export function extractInto(
  draft: LayerDraft,
  entries: readonly LayerEntry[],
  folder: string,
  owner?: Owner,
): void {
  const inside = (path: string): string => [folder, path].filter((part) => part !== '').join('/');
  const place = (path: string): string => {
    const names = pathNames(path);
    const name = names.pop() ?? '';
    const root = draft.at(folder);
    if (!root?.children) throw new CopyError(`/${folder} is no folder`);
    const { path: parent } = resolvePath(root as TreeNode, names.join('/'));
    draft.makeFolders(inside(parent), undefined);
    return inside([parent, name].filter((part) => part !== '').join('/'));
  };
  for (const entry of entries) {
    const path = place(entry.path);
    if (entry.type === 'link') draft.link(path, place(entry.linkname ?? ''));
    else draft.put({ ...entry, ...owner, path });
  }
}
