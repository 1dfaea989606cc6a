import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a file under a temporary name and gives it its own in the end: it is there whole or not at all.
 *
 * @param directory where the temporary file lies: the folder of the file, or another one of the same file system
 * @param write fills the file and tells the path that it takes, over what is there; it may close the handle
 * @returns that path
 * @throws what `write` throws, and what the file system says; then nothing is left
 */
export async function placeFile(
  directory: string,
  write: (handle: FileHandle) => Promise<string>,
): Promise<string> {
  const temporary = join(directory, `.${randomBytes(8).toString('hex')}`);
  // Opened before the first byte comes: a stream that opens it by itself may do so after it was given up.
  const handle = await open(temporary, 'wx');
  try {
    const path = await write(handle);
    await handle.close();
    await rename(temporary, path);
    return path;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}
