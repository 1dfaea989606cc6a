import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { unreadable } from './folder-problem.ts';
import { type IgnoreRules, parseDockerignore } from './ignore.ts';

/** Which .dockerignore counts. */
export interface IgnoreOptions {
  /** The Dockerfile's path, as `fs` opens it: `<path>.dockerignore` wins over the folder's `.dockerignore`. */
  readonly dockerfile?: string | undefined;
  /**
   * The folder is somebody else's, unpacked into here: messages name a .dockerignore from here, and one that is a link to
   * outside does not count.
   */
  readonly unpackedInto?: string | undefined;
  /** Whether a .dockerignore counts; what ADD takes from a repository is whole. @default true */
  readonly ignores?: boolean | undefined;
}

/** @throws MabuildError `DOCKERIGNORE_INVALID`, `CONTEXT_UNREADABLE`. */
export async function readIgnoreRules(folder: string, options: IgnoreOptions): Promise<IgnoreRules> {
  if (options.ignores === false) return parseDockerignore('');
  const candidates = [
    ...(options.dockerfile === undefined ? [] : [`${options.dockerfile}.dockerignore`]),
    join(folder, '.dockerignore'),
  ];
  const { unpackedInto } = options;
  for (const file of candidates) {
    if (unpackedInto !== undefined && !(await liesIn(unpackedInto, file))) continue;
    const text = await readRules(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw unreadable(file, error);
    });
    if (text !== undefined)
      return parseDockerignore(text, unpackedInto === undefined ? file : relative(unpackedInto, file));
  }
  return parseDockerignore('');
}

/** A pipe is not waited for. */
async function readRules(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error('it is no file'), { code: 'EINVAL' });
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

async function liesIn(folder: string, file: string): Promise<boolean> {
  const real = await realpath(file).catch(() => undefined);
  return real?.startsWith((await realpath(folder)) + sep) ?? false;
}
