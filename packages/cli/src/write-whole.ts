import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CallOptions, MabuildError } from '@mabuild/oci';

/**
 * Writes a file whole or not at all.
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function writeWhole(file: string, text: string | Uint8Array): Promise<void> {
  const temporary = temporaryBeside(file);
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
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
  const temporary = temporaryBeside(file);
  try {
    await pipeline(
      await open(),
      createWriteStream(temporary),
      options.signal ? { signal: options.signal } : {},
    );
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    options.signal?.throwIfAborted();
    throw error;
  }
}

function temporaryBeside(file: string): string {
  return join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}`);
}
