import type { Readable } from 'node:stream';
import type { CallOptions } from '@mabuild/oci';
import { addedEntry, openAdded } from '../../../context/archive.ts';
import type { AddedFile, BuildContext, ContextEntry } from '../../../context/context.ts';
import type { LayerEntry } from './entry.ts';
import { applyLayer, emptyTree, type Tree } from './tree.ts';

/** What is read at once, bytes. */
const smallFile = 64 * 1024;

/** A build context as a tree: everything belongs to root, as with BuildKit. */
export async function contextTree(
  context: BuildContext,
  addedFiles: readonly AddedFile[],
  options: CallOptions = {},
): Promise<Tree> {
  const entries: LayerEntry[] = [];
  for await (const entry of context.entries(options))
    entries.push({
      ...entryOf(entry, () => context.open(entry.path)),
      ...(context.readSmall && entry.type === 'file' && entry.size <= smallFile
        ? { read: () => context.readSmall?.(entry.path) ?? new Uint8Array() }
        : {}),
    });
  for (const file of addedFiles) entries.push(entryOf(await addedEntry(file), () => openAdded(file)));
  return applyLayer(emptyTree(), entries);
}

function entryOf(entry: ContextEntry, open: () => Promise<Readable>): LayerEntry {
  const { path, type, mode, size, mtimeMs, linkname } = entry;
  return {
    ...{ path, type, mode, size, uid: 0, gid: 0, mtime: Math.floor(mtimeMs / 1000) },
    ...(linkname === undefined ? {} : { linkname }),
    ...(type === 'file' ? { open } : {}),
  };
}
