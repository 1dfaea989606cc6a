import { isMabuildError, MabuildError } from '@mabuild/oci';

/** Why a file of the context was not opened, in the words of the context. */
export function notOpened(path: string, full: string, error: unknown): MabuildError {
  if (isMabuildError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return missingFile(path, error);
  return unreadable(full, error);
}

export function missingFolder(directory: string, cause: unknown): MabuildError {
  if (cause !== undefined && (cause as NodeJS.ErrnoException).code === 'EACCES')
    return unreadable(directory, cause);
  const isFile = cause === undefined;
  return new MabuildError(`the build context ${directory} ${isFile ? 'is not a folder' : 'does not exist'}`, {
    code: 'CONTEXT_NOT_FOUND',
    hint: isFile
      ? 'name the folder that COPY reads from, and with -f the Dockerfile: mabuild build -f FILE FOLDER'
      : 'name the folder that COPY reads from; `-` reads a tar from standard input',
    cause,
  });
}

export function missingFile(path: string, cause?: unknown): MabuildError {
  return new MabuildError(`the build context holds no file ${path}`, {
    code: 'CONTEXT_FILE_NOT_FOUND',
    cause,
  });
}

const permissions = 'change its permissions, or list it in .dockerignore';
const hints: Readonly<Record<string, string>> = {
  EACCES: permissions,
  EPERM: permissions,
  ENOENT: 'something moved it during the build: build again when it is done',
  ENAMETOOLONG:
    'its path is longer than the kernel takes: move it up, or list a folder above it in .dockerignore',
};

export function unreadable(path: string, cause: unknown): MabuildError {
  const { code } = cause as NodeJS.ErrnoException;
  // The name that Node gives is not the one that the file has.
  const isOdd = code === 'ENOENT' && path.includes('\ufffd');
  const reason = isOdd ? 'its name is not UTF-8' : (code ?? String(cause));
  return new MabuildError(`cannot read ${path} of the build context: ${reason}`, {
    code: 'CONTEXT_UNREADABLE',
    hint: isOdd ? 'rename it' : (hints[code ?? ''] ?? 'see what it is, or list it in .dockerignore'),
    cause,
  });
}
