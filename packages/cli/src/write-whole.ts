import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MabuildError } from '@mabuild/oci';

/**
 * Writes a file whole or not at all.
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function writeWhole(file: string, text: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}`);
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
