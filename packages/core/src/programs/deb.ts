import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type CallOptions, decompressed, MabuildError, readTarEntries, type TarEntry } from '@mabuild/oci';

/** Of an `ar` archive and of the header of each of its members. */
const magic = '!<arch>\n';
const headerLength = 60;

/**
 * Reads the files that a Debian package installs, one after the other.
 *
 * @throws MabuildError `ARCHIVE_INVALID` when it is no Debian package, and what reading a tar throws
 */
export async function* debEntries(file: string, options: CallOptions = {}): AsyncGenerator<TarEntry> {
  const { start, size } = await findData(file);
  const content = createReadStream(file, { start, end: start + size - 1 });
  yield* readTarEntries(await decompressed(content, options), options);
}

/** Where the member with the files begins, and its bytes. */
async function findData(file: string): Promise<{ readonly start: number; readonly size: number }> {
  const handle = await open(file, 'r');
  try {
    if ((await textAt(handle, 0, magic.length)) !== magic) throw notDebian(file);
    for (let at = magic.length; ; ) {
      const header = await textAt(handle, at, headerLength);
      const size = Number(header.slice(48, 58));
      if (!header.endsWith('`\n') || !Number.isSafeInteger(size) || size <= 0) throw notDebian(file);
      const start = at + headerLength;
      if (header.startsWith('data.tar')) return { start, size };
      at = start + size + (size % 2);
    }
  } finally {
    await handle.close();
  }
}

async function textAt(handle: FileHandle, position: number, length: number): Promise<string> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  return bytes.toString('latin1', 0, bytesRead);
}

function notDebian(file: string): MabuildError {
  return new MabuildError(`${file} is no Debian package, or is cut off`, {
    code: 'ARCHIVE_INVALID',
    hint: 'fetch it again',
  });
}
