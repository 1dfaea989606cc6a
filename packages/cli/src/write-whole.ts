import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CallOptions, MabuildError, placeFile } from '@mabuild/oci';

/**
 * Writes a file whole or not at all.
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function writeWhole(file: string, text: string | Uint8Array): Promise<void> {
  try {
    await placeFile(dirname(file), async (handle) => {
      await handle.writeFile(text);
      return file;
    });
  } catch (error) {
    throw new MabuildError(`writing ${file}: ${(error as Error).message}`, {
      code: 'FILE_UNWRITABLE',
      hint: 'the folder must exist and be writable',
      cause: error,
    });
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
