import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CallOptions, placeFile } from '@mabuild/oci';
import { unwritable } from './file-error.ts';

export interface WriteWholeOptions {
  /** Permissions, set before the first byte is written. @default what the system gives new files */
  readonly mode?: number | undefined;
  /** Whom the file belongs to, where this process may say so. @default this process's user */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Writes a file whole or not at all.
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function writeWhole(
  file: string,
  text: string | Uint8Array,
  { mode, owner }: WriteWholeOptions = {},
): Promise<void> {
  try {
    await placeFile(dirname(file), async (handle) => {
      if (mode !== undefined) await handle.chmod(mode);
      if (owner) await handle.chown(owner.uid, owner.gid).catch(() => undefined);
      await handle.writeFile(text);
      return file;
    });
  } catch (error) {
    throw unwritable(file, error as Error);
  }
}

/**
 * Writes a file from a stream, whole or not at all; what opening, reading and writing throw is passed on.
 * @param open opens the stream; what it throws leaves no file either
 */
export async function streamWhole(
  file: string,
  open: () => Promise<Readable>,
  options: CallOptions = {},
): Promise<void> {
  try {
    await placeFile(dirname(file), async (handle) => {
      await pipeline(
        await open(),
        handle.createWriteStream(),
        options.signal ? { signal: options.signal } : {},
      );
      return file;
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
}
