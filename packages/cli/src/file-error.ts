import { isMabuildError, MabuildError } from '@mabuild/oci';

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

/** What a command threw, as an error that says what to do where the file system refused. */
export function asFileError(error: unknown): unknown {
  if (!isFileRefusal(error)) return error;
  if (isFull(error)) {
    return new MabuildError(error.message, {
      code: 'FILE_UNWRITABLE',
      hint: 'make room, also where temporary files go (TMPDIR), and run it again',
      cause: error,
    });
  }
  return new MabuildError(error.message, {
    code: 'FILE_UNREADABLE',
    hint: 'check that the file or folder is what it should be, and whose it is',
    cause: error,
  });
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
  if (isFull(cause)) return 'make room and run it again';
  if (cause.code === 'ENOENT') return 'the folder must exist';
  return 'name a place that this user may write to';
}

function isFull(error: Error): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
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
