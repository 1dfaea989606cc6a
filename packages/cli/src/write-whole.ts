import { dirname } from 'node:path';
import { placeFile } from '@mabuild/oci';
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
