import type { Platform } from '@mabuild/oci';
import type { Finding } from '../rules/rule.ts';
import { armWord, type LockRequest, lineRange, lockError, lockFinding } from './lock-finding.ts';

/**
 * Finds platforms that the PLATFORMS of a Gemfile.lock leave out: a frozen bundle does not install there.
 *
 * @throws MabuildError `LOCKFILE_SYNTAX` with its place
 */
export function readGemfileLock(request: LockRequest): readonly Finding[] {
  const { text } = request;
  const section = /^PLATFORMS[ \t]*\r?\n((?:[ \t]+\S.*(?:\r?\n|$))*)/m.exec(text);
  if (!section) {
    if (/^(?:GEM|PATH|GIT|DEPENDENCIES)[ \t]*\r?$/m.test(text)) return [];
    throw lockError(request, 0, 'no lock file of Bundler: it has no section such as GEM or PLATFORMS');
  }
  const names = (section[1] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (names.includes('ruby') || !names.some((name) => /^x86_64-linux/.test(name))) return [];
  const missing = request.platforms.filter((platform) => !names.some((name) => serves(name, platform)));
  if (missing.length === 0) return [];
  const wanted = [
    ...new Set(missing.map((platform) => (armWord(platform) === 'arm64' ? 'aarch64-linux' : 'arm-linux'))),
  ];
  const at = text.indexOf('x86_64-linux', section.index);
  return [
    lockFinding(
      'lockfile-lacks-platform',
      'error',
      missing,
      lineRange(text, at),
      (platforms) => `the bundle is locked for ${names.join(', ')}, not for ${platforms}`,
      `bundle lock ${wanted.map((name) => `--add-platform ${name}`).join(' ')}, or --add-platform ruby, which compiles`,
    ),
  ];
}

function serves(name: string, platform: Platform): boolean {
  return armWord(platform) === 'arm64'
    ? /^(?:aarch64|arm64)-linux/.test(name)
    : /^arm(?:v[67]\w*)?-linux/.test(name);
}
