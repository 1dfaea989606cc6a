import type { Readable } from 'node:stream';
import type { CallOptions } from '@mabuild/oci';

/** A file, folder or link of a build context. */
export interface ContextEntry {
  /** Slash-separated, relative, no leading `./`. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Permission bits. */
  readonly mode: number;
  /** Bytes of a file; 0 otherwise. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtimeMs: number;
  /** Target of a symlink. */
  readonly linkname?: string;
}

/** What a build may COPY: already filtered by .dockerignore. */
export interface BuildContext {
  /**
   * Names where the context comes from, the same in every build of it: an engine that has seen this name before is sent
   * only what changed. Absent for a context that will not be seen again.
   */
  readonly key?: string;
  /** Walks in the order of BuildKit's file sync: parents first, siblings in byte order. */
  entries(options?: CallOptions): AsyncIterable<ContextEntry>;
  /** Opens one file of `entries`. @throws MabuildError `CONTEXT_FILE_NOT_FOUND`. */
  open(path: string): Promise<Readable>;
  /**
   * Reads one small file of `entries` whole and at once: of ten thousand, a stream each costs more than their contents.
   * @throws MabuildError `CONTEXT_FILE_NOT_FOUND`.
   */
  readSmall?(path: string): Uint8Array;
  /** Deletes what was unpacked for this context; a folder of the user's is left alone. */
  close(): Promise<void>;
}

/** A file that a build needs besides the user's context: an emulator, a lowered heredoc body. */
export interface AddedFile {
  /** Where it appears in the context. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** A file of this machine, or the content itself. */
  readonly from: { readonly file: string } | { readonly content: string };
}
