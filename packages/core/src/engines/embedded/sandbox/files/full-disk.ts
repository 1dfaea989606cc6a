import { statfsSync } from 'node:fs';
import { isDiskFull, isMabuildError, MabuildError } from '@mabuild/oci';

/** With less, in bytes, what wrote last had no room. */
const little = 1024 * 1024;

/** Says which disk is full, where that is what an error tells. @param directory of the cache */
export function fullDisk(error: unknown, directory: string): MabuildError | undefined {
  const { cause, message } = error as Error;
  const isTold = isDiskFull(error) || (isMabuildError(error) && isDiskFull(cause));
  // Programs that copy say it in words only.
  if (!isTold && (isMabuildError(error) || fullDiskNote(directory) === undefined)) return undefined;
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

function roomFor(directory: string): string {
  return `the disk that holds ${directory} is full: make room, as with \`mabuild cache prune\`, or put the cache elsewhere with MABUILD_CACHE`;
}
