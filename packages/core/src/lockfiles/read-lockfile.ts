import type { Platform } from '@mabuild/oci';
import { armOnly } from '../knowledge/x86-platform.ts';
import type { Finding } from '../rules/rule.ts';
import { readGemfileLock } from './gemfile-lock.ts';
import { readPnpmLock, readYarnLock } from './indented-lock.ts';
import type { LockRequest } from './lock-finding.ts';
import { readNpmLock } from './npm-lock.ts';
import { readPythonLock } from './python-lock.ts';
import { readRequirements } from './requirements.ts';

const readers: ReadonlyMap<string, (request: LockRequest) => readonly Finding[]> = new Map([
  ['uv.lock', readPythonLock],
  ['poetry.lock', readPythonLock],
  ['package-lock.json', readNpmLock],
  ['npm-shrinkwrap.json', readNpmLock],
  ['pnpm-lock.yaml', readPnpmLock],
  ['yarn.lock', readYarnLock],
  ['Gemfile.lock', readGemfileLock],
]);

/** Lock files that say which builds there are of what they lock; Cargo.lock and go.sum do not. */
export function isLockFile(name: string): boolean {
  return readerOf(name) !== undefined;
}

function readerOf(name: string): ((request: LockRequest) => readonly Finding[]) | undefined {
  return readers.get(name) ?? (/^requirements(?:[._-].*)?\.txt$/.test(name) ? readRequirements : undefined);
}

/**
 * Finds what a lock file has no build of for the platforms asked for.
 *
 * @param file its path; the last part says what it is
 * @throws MabuildError `LOCKFILE_SYNTAX` with its place
 */
export function readLockFile(
  text: string,
  options: { readonly file: string; readonly platforms: readonly Platform[] },
): readonly Finding[] {
  const { file } = options;
  const platforms = armOnly(options.platforms);
  if (platforms.length === 0) return [];
  return (
    readerOf(file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1))?.({
      text,
      file,
      platforms,
    }) ?? []
  );
}
