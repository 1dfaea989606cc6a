import { statfsSync } from 'node:fs';
import { isMabuildError, MabuildError } from '@mabuild/oci';

/** With less, in bytes, what wrote last had no room. */
const little = 1024 * 1024;

/** Says which disk is full, where that is what an error tells. @param directory of the cache */
export function fullDisk(error: unknown, directory: string): MabuildError | undefined {
  const { code, cause, message } = error as NodeJS.ErrnoException;
  const { code: inner } = (isMabuildError(error) ? (cause ?? {}) : {}) as NodeJS.ErrnoException;
  // Programs that copy say it in words only.
  const isLikely = !isMabuildError(error) && fullDiskNote(directory) !== undefined;
  if (!isFull(code) && !isFull(inner) && !isLikely) return undefined;
  return new MabuildError(message, { code: 'DISK_FULL', hint: roomFor(directory), cause: error });
}

/** What to say to a command that failed where there is no room left; `undefined` where there is. */
export function fullDiskNote(directory: string): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < little ? roomFor(directory) : undefined;
  } catch {
    return undefined;
  }
}

function isFull(code: string | undefined): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function roomFor(directory: string): string {
  return `the disk that holds ${directory} is full: make room, as with \`mabuild cache prune\`, or put the cache elsewhere with MABUILD_CACHE`;
}
