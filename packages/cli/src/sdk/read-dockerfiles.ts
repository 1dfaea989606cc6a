import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { MabuildError } from '@mabuild/oci';

/** A Dockerfile's text, and the name that people know it by. */
export interface NamedText {
  readonly path: string;
  readonly text: string;
}

const dockerfileName = /^(?:Dockerfile|Containerfile)(?:\.[^.].*)?$|\.(?:Dockerfile|Containerfile)$/i;
const neverEntered: ReadonlySet<string> = new Set(['.git', 'node_modules']);

/**
 * Reads files, the Dockerfiles of folders, and `-` for standard input.
 * @throws MabuildError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_DOCKERFILE`
 */
export async function readDockerfiles(
  paths: readonly string[],
  options: {
    readonly directory: string;
    readonly stdin?: Readable | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly NamedText[]> {
  const texts: NamedText[] = [];
  for (const path of paths) {
    options.signal?.throwIfAborted();
    if (path === '-' && options.stdin) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of options.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
      texts.push({ path: '-', text: Buffer.concat(chunks).toString('utf8') });
      continue;
    }
    for (const file of await filesOf(path, options.directory)) {
      texts.push({ path: file, text: await readText(file, options.directory) });
    }
  }
  return texts;
}

async function filesOf(path: string, directory: string): Promise<readonly string[]> {
  const found = await stat(resolve(directory, path)).catch((error) => {
    throw unreadable(path, error);
  });
  if (!found.isDirectory()) return [path];
  const files = await walk(path, directory);
  if (files.length > 0) return files;
  throw new MabuildError(`${path} holds no Dockerfile`, {
    code: 'NO_DOCKERFILE',
    hint: 'name the file itself when it is called otherwise',
  });
}

async function walk(path: string, directory: string): Promise<readonly string[]> {
  const entries = await readdir(resolve(directory, path), { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory() && !neverEntered.has(entry.name)) files.push(...(await walk(child, directory)));
    else if (entry.isFile() && dockerfileName.test(entry.name) && !entry.name.endsWith('.dockerignore'))
      files.push(child);
  }
  return files;
}

async function readText(path: string, directory: string): Promise<string> {
  try {
    return await readFile(resolve(directory, path), 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): MabuildError {
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
