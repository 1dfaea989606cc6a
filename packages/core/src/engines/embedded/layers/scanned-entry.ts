import type { LayerEntry } from './entry.ts';
import type { SparsePiece } from './sparse.ts';

/** What is remembered of an entry: where its content lies, and the content itself of the files that name users. */
export interface ScannedEntry extends Omit<LayerEntry, 'open' | 'read'> {
  readonly at?: number;
  readonly pieces?: readonly SparsePiece[];
  readonly text?: string;
}

const namesFiles: ReadonlySet<string> = new Set(['etc/passwd', 'etc/group']);
/** Files that name users are small; larger ones are read from the layer. */
const mostText = 256 * 1024;

/** Tells whether a file's content is remembered. */
export function keepsText({ path, size }: Pick<LayerEntry, 'path' | 'size'>): boolean {
  return namesFiles.has(path) && size <= mostText;
}

/** Where the contents of a layer's files were written, and their digests. */
export type WrittenContents = ReadonlyMap<LayerEntry, { readonly at: number; readonly digest: string }>;

/**
 * What a scan of a layer finds that was just written of these entries.
 * @returns `undefined` where only a scan tells
 */
export function scannedEntries(
  entries: readonly LayerEntry[],
  contents: WrittenContents,
): readonly ScannedEntry[] | undefined {
  const scanned: ScannedEntry[] = [];
  for (const entry of entries) {
    const { path, type, mode, uid, gid, mtime, size, linkname, major, minor, xattrs } = entry;
    // In a layer such a name means something else.
    if (path.startsWith('.wh.', path.lastIndexOf('/') + 1)) return undefined;
    const fields = { path, type, mode: mode & 0o7777, uid, gid, mtime };
    const isMark = type === 'whiteout' || type === 'opaque';
    const kept = isMark || xattrs === undefined || Object.keys(xattrs).length === 0 ? {} : { xattrs };
    if (type === 'file') {
      const content = contents.get(entry);
      if (content === undefined || keepsText(entry)) return undefined;
      scanned.push({ ...fields, size, ...kept, ...content });
    } else {
      const isDevice = type === 'character-device' || type === 'block-device';
      scanned.push({
        ...{ ...fields, size: 0 },
        ...(type === 'symlink' || type === 'link' ? { linkname: linkname ?? '' } : {}),
        ...(isDevice ? { major: major ?? 0, minor: minor ?? 0 } : {}),
        ...kept,
      });
    }
  }
  return scanned;
}
