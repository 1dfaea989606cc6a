import type { Readable } from 'node:stream';

/** What a layer can say of a path; `whiteout` and `opaque` take away what layers below have. */
export type LayerEntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'link'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  | 'whiteout'
  | 'opaque';

/** One path of a layer: OCI image-spec, "Image Layer Filesystem Changeset". */
export interface LayerEntry {
  /** Slash-separated, relative to the root, without `.` and `..`; a whiteout's is the path that it takes away. */
  readonly path: string;
  readonly type: LayerEntryType;
  /** Permission bits, set-user-id, set-group-id and sticky included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Bytes of a file; 0 otherwise. */
  readonly size: number;
  /** Target of a symlink as it is written; path of a hard link's other name. */
  readonly linkname?: string;
  /** Of a device. */
  readonly major?: number;
  readonly minor?: number;
  /** Extended attributes: base64 of each value. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Digest of a file's content, where it is known already. */
  readonly digest?: string;
  /** Opens a file's content. */
  readonly open?: () => Promise<Readable>;
  /** Gives a small file's content at once, where that is cheaper. */
  readonly read?: () => Uint8Array;
}

/** A file's content, piece by piece. */
export async function* contentOf({ open, read, size }: LayerEntry): AsyncGenerator<Uint8Array> {
  if (read) yield read();
  else if (open && size > 0) yield* (await open()) as AsyncIterable<Uint8Array>;
}

/** A folder as it is made where none is listed. */
export function folderEntry(path: string, fields: Partial<LayerEntry> = {}): LayerEntry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0, size: 0, ...fields };
}

const slash = 0x2f;
const surrogates = 0xd800;

/** Orders paths so that a folder comes before what lies in it, by bytes. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const one = a.charCodeAt(at);
    const other = b.charCodeAt(at);
    if (one === other) continue;
    // A slash sorts below every other character of a name.
    if (one === slash || other === slash) return one === slash ? -1 : 1;
    // UTF-16 has characters beyond 0xffff below some that are not.
    if (one >= surrogates && other >= surrogates) return Buffer.compare(Buffer.from(a), Buffer.from(b));
    return one - other;
  }
  return a.length - b.length;
}
