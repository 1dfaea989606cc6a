import { MabuildError } from '@mabuild/oci';

/**
 * Says what a command made that no layer is made of, where the file system's error tells that: paths longer than the kernel
 * takes, which are made step by step, and names that are no text.
 * @returns `undefined` for other errors
 */
export function pathError(error: unknown, work: string): MabuildError | undefined {
  const { code, path = '' } = error as NodeJS.ErrnoException;
  // What the command sees begins behind the folder of its root.
  const inside = path.startsWith(`${work}/`) ? path.slice(work.length + 1).replace(/^[^/]*/, '') : path;
  const shown = inside.length > 160 ? `${inside.slice(0, 160)}…` : inside;
  if (code === 'ENAMETOOLONG') {
    return new MabuildError(`it made a path of more than 4095 bytes: ${JSON.stringify(shown)}`, {
      code: 'BUILD_FAILED',
      hint: 'delete it in the same RUN: no layer can hold it',
      cause: error,
    });
  }
  if (code === 'ENOENT' && path.includes('\ufffd')) {
    return new MabuildError(`it made a file whose name is not UTF-8: ${JSON.stringify(shown)}`, {
      code: 'BUILD_FAILED',
      hint: 'rename or delete it in the same RUN, or build with Docker',
      cause: error,
    });
  }
  return undefined;
}
