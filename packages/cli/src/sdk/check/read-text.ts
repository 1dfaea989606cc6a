import { lstatSync, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { MabuildError } from '@mabuild/oci';

/** Bytes of a file that is read; nobody writes larger ones by hand, and lock files are a tenth of it. */
const mostBytes = 128 * 1024 * 1024;

/**
 * Reads a text file.
 *
 * @param path from `directory`, or `-` for `stdin`
 * @throws MabuildError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `FILE_NOT_TEXT` with its place for UTF-16 and binary files
 */
export async function readText(
  path: string,
  options: { readonly directory: string; readonly stdin?: Readable | undefined },
): Promise<string> {
  return decode(
    path,
    path === '-' && options.stdin ? await readAll(options.stdin) : await readBytes(path, options),
  );
}

async function readBytes(path: string, { directory }: { readonly directory: string }): Promise<Uint8Array> {
  try {
    const place = resolve(directory, path);
    // Thousands of small files are read faster so; a pipe may keep us waiting.
    const found = lstatSync(place);
    if (found.isFile() && found.size <= mostBytes) return readFileSync(place);
    const { size } = await stat(place);
    if (size <= mostBytes) return await readFile(place);
    throw new MabuildError(`reading ${path}: it has ${size} bytes, more than any Dockerfile`, {
      code: 'FILE_UNREADABLE',
    });
  } catch (error) {
    throw error instanceof MabuildError ? error : unreadable(path, error);
  }
}

async function readAll(stdin: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

function decode(path: string, bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const isBinary = bytes.includes(0);
  if (!isUtf16 && !isBinary)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  throw new MabuildError(isUtf16 ? 'the file is UTF-16, and BuildKit reads UTF-8' : 'the file is no text', {
    code: 'FILE_NOT_TEXT',
    hint: isUtf16 ? `save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8 ${path}` : 'name another file',
    location: { file: path, line: 1, column: 1, endLine: 1, endColumn: 1 },
  });
}

export function unreadable(path: string, cause: unknown): MabuildError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  return new MabuildError(
    `reading ${path}: ${missing ? 'there is no such file' : (cause as Error).message}`,
    {
      code: missing ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
      hint: missing ? 'name the Dockerfile, or a folder that holds one' : undefined,
      cause,
    },
  );
}
