import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CallOptions } from '../image-source.ts';
import { isLeftBehind, processName, processNamePattern } from './process-name.ts';

/** Temporary names: those of a process that has ended are nobody's. */
const temporaryName = new RegExp(`^\\.(?:${processNamePattern}-)?[0-9a-f]{16}$`);

/**
 * Writes a file under a temporary name and gives it its own in the end: it is there whole or not at all.
 *
 * @param directory where the temporary file lies: the folder of the file, or another one of the same file system
 * @param write fills the file, which has the temporary name until then, and tells the path that it takes, over what is
 *   there; it may close the handle
 * @returns that path
 * @throws what `write` throws, and what the file system says; then nothing is left
 */
export async function placeFile(
  directory: string,
  write: (handle: FileHandle, temporary: string) => Promise<string>,
): Promise<string> {
  const owner = processName();
  const hex = randomBytes(8).toString('hex');
  const temporary = join(directory, owner === undefined ? `.${hex}` : `.${owner}-${hex}`);
  // Opened before the first byte comes: a stream that opens it by itself may do so after it was given up.
  const handle = await open(temporary, 'wx');
  try {
    const path = await write(handle, temporary);
    await handle.close();
    await rename(temporary, path);
    return path;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes a file of known content, whole or not at all; the folder has to be there. */
export async function placeContent(file: string, content: string | Uint8Array): Promise<void> {
  await placeFile(dirname(file), async (handle) => {
    await handle.writeFile(content);
    return file;
  });
}

/**
 * Writes a file from a stream, whole or not at all; what opening, reading and writing throw is passed on.
 * @param open opens the stream; what it throws leaves no file either
 */
export async function placeStream(
  file: string,
  open: () => Promise<Readable>,
  options: CallOptions & {
    /** What the bytes go through on their way. @default nothing */
    readonly through?: readonly Transform[] | undefined;
  } = {},
): Promise<void> {
  const { signal, through = [] } = options;
  try {
    await placeFile(dirname(file), async (handle) => {
      const source = await open();
      await pipeline([source, ...through, handle.createWriteStream()], signal ? { signal } : {});
      return file;
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Finds the temporary files in a folder whose writers were ended in the middle. */
export async function unfinishedFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => temporaryName.test(name))
    .map((name) => join(directory, name))
    .filter((path) => isLeftBehind(path));
}
