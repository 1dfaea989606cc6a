import { constants, fstatSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { MabuildError } from '@mabuild/oci';

/** No link is followed, and a pipe that took a file's place is not waited for. */
export const readFlags: number =
  constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Checks that an open file lies where the walk found it: a folder on the way may have become a link meanwhile.
 * @throws MabuildError `CONTEXT_CHANGED`
 */
export function checkPlace(descriptor: number, full: string, path: string): void {
  try {
    const place = readlinkSync(`/proc/self/fd/${descriptor}`);
    // Editors put a new file in the place of the old one.
    if (place === full || place === `${full} (deleted)`) return;
  } catch {
    // There is no /proc.
  }
  const [opened, there] = [fstatSync(descriptor), lstatSync(full, { throwIfNoEntry: false })];
  const isSame = opened.ino === there?.ino && opened.dev === there.dev;
  if (isSame && realpathSync(dirname(full)) === dirname(full)) return;
  throw new MabuildError(`${path} of the build context is not where it was listed`, {
    code: 'CONTEXT_CHANGED',
    hint: 'something moves or links folders of the context during the build: build again when it is done',
  });
}
