import { relative, sep } from 'node:path';
import { isDiskFull, isMabuildError, MabuildError } from '@mabuild/oci';

/** Refusals of a file system: no fault of the program's, and whoever runs it can do something about them. */
const refusals: ReadonlySet<string> = new Set([
  'EACCES',
  'EDQUOT',
  'EFBIG',
  'EIO',
  'EISDIR',
  'ELOOP',
  'EMFILE',
  'ENAMETOOLONG',
  'ENFILE',
  'ENOSPC',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/** Whether a file system refused, as it says itself. */
function isFileRefusal(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || isMabuildError(error) || !('syscall' in error)) return false;
  return refusals.has((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * What a command threw, as an error that says what to do where the file system refused.
 * @param cacheDirectory the folder of the cache, of which the hint says how to have another one
 */
export function asFileError(error: unknown, cacheDirectory?: string): unknown {
  if (cacheDirectory !== undefined && isUnmade(error) && isOfCache(error, cacheDirectory)) {
    return new MabuildError(`${error.path} cannot be made, as on a read-only file system`, {
      code: 'FILE_UNREADABLE',
      hint: cacheHint(cacheDirectory),
      cause: error,
    });
  }
  if (!isFileRefusal(error)) return error;
  if (isDiskFull(error)) {
    const cache = cacheDirectory === undefined ? '' : ` where the cache is kept (${cacheDirectory}),`;
    return new MabuildError(error.message, {
      code: 'FILE_UNWRITABLE',
      hint: `make room,${cache} also where temporary files go (TMPDIR), and run it again`,
      cause: error,
    });
  }
  return new MabuildError(error.message, {
    code: 'FILE_UNREADABLE',
    hint:
      cacheDirectory !== undefined && isOfCache(error, cacheDirectory)
        ? cacheHint(cacheDirectory)
        : 'check that the file or folder is what it should be, and whose it is',
    cause: error,
  });
}

function cacheHint(cacheDirectory: string): string {
  return `the cache is kept in ${cacheDirectory}: name a folder that this user may write to in MABUILD_CACHE`;
}

/** Whether a folder could not be made: with all those above it, Node does not say that a file system is read-only. */
function isUnmade(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || isMabuildError(error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' && syscall === 'mkdir';
}

/** Whether what was refused lies in the cache, or is a folder above that it was to be made in. */
function isOfCache({ path, syscall }: NodeJS.ErrnoException, cacheDirectory: string): boolean {
  if (path === undefined) return false;
  return isBelow(path, cacheDirectory) || (syscall === 'mkdir' && isBelow(cacheDirectory, path));
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** `FILE_UNWRITABLE`: what was being written, why it cannot be, what to do next. */
export function unwritable(what: string, cause: Error): MabuildError {
  return new MabuildError(`writing ${what}: ${cause.message}`, {
    code: 'FILE_UNWRITABLE',
    hint: unwritableHint(cause),
    cause,
  });
}

function unwritableHint(cause: NodeJS.ErrnoException): string {
  if (isDiskFull(cause)) return 'make room and run it again';
  if (cause.code === 'ENOENT') return 'the folder must exist';
  return 'name a place that this user may write to';
}

/** `FILE_NOT_FOUND` or `FILE_UNREADABLE`: a file that a flag or a request names. */
export function unreadable(path: string, error: unknown): MabuildError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new MabuildError(code === 'ENOENT' ? `${path} does not exist` : `reading ${path}: ${message}`, {
    code: code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
    hint: 'check the path, and whether this user may read it',
    cause: error,
  });
}
