import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a file system answers that has no word for something. */
const unknown: ReadonlySet<string> = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL']);

/**
 * Tells what a folder's file system does not keep of an image's files, as that of a memory stick or of another system's
 * share; `undefined` when it keeps all that was tried.
 */
export async function notKept(directory: string): Promise<string | undefined> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const folder = join(directory, `.kept-${randomBytes(6).toString('hex')}`);
  const at = (name: string): string => join(folder, name);
  const trials: readonly (readonly [what: string, trial: () => Promise<boolean>])[] = [
    [
      'modes',
      async () => {
        for (const mode of [0o640, 0o751]) {
          await chmod(at('a'), mode);
          if (((await stat(at('a'))).mode & 0o777) !== mode) return false;
        }
        return true;
      },
    ],
    ['symbolic links', async () => await symlink('a', at('symlink')).then(() => true)],
    ['hard links', async () => await link(at('a'), at('link')).then(() => true)],
    ['every name', async () => await writeFile(at('a:b\\c?'), '').then(() => true)],
    [
      'names that differ in case alone',
      async () => (await stat(at('A')).catch(() => undefined)) === undefined,
    ],
  ];
  await mkdir(folder, { mode: 0o700 });
  try {
    await writeFile(at('a'), '');
    for (const [what, trial] of trials) {
      const isKept = await trial().catch((error: NodeJS.ErrnoException) => {
        if (unknown.has(error.code ?? '')) return false;
        throw error;
      });
      if (!isKept) return what;
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
