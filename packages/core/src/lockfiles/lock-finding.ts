import { formatPlatformList, MabuildError, normalizePlatform, type Platform } from '@mabuild/oci';
import { locate } from '../dockerfile/location.ts';
import type { Range } from '../dockerfile/model.ts';
import type { Finding, Severity } from '../rules/rule.ts';

/** A lock file's text and what is asked of it. */
export interface LockRequest {
  readonly text: string;
  /** As the user named it. */
  readonly file: string | undefined;
  /** The platforms that are not x86. */
  readonly platforms: readonly Platform[];
}

/** `arm64`, or `arm` for both 32-bit ones. */
export type ArmWord = 'arm64' | 'arm';

/** The word that npm and GOARCH have for a platform's processor; `undefined` for what is no ARM. */
export function armWord(platform: Platform): ArmWord | undefined {
  const { architecture } = normalizePlatform(platform);
  return architecture === 'arm64' || architecture === 'arm' ? architecture : undefined;
}

/** A finding about a line of a lock file: those are written by tools, so no edit of ours would hold. */
export function lockFinding(
  rule: string,
  severity: Severity,
  platforms: readonly Platform[],
  range: Range,
  message: (platforms: string) => string,
  hint: string,
): Finding {
  const names = formatPlatformList(platforms);
  return { rule, severity, platforms, range, message: message(names), hint, fix: 'none', edits: [] };
}

/** The error of a lock file that cannot be read. */
export function lockError(
  { text, file }: LockRequest,
  at: number,
  message: string,
  cause?: unknown,
): MabuildError {
  const start = Math.max(0, Math.min(at, text.length));
  return new MabuildError(message, {
    code: 'LOCKFILE_SYNTAX',
    location: locate({ text, file }, { start, end: Math.min(start + 1, text.length) }),
    hint: 'let the tool that wrote it write it again',
    cause,
  });
}

/** The range of a line without its indentation and line end. */
export function lineRange(text: string, at: number): Range {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const feed = text.indexOf('\n', at);
  const line = text.slice(start, feed < 0 ? text.length : feed);
  const indent = line.length - line.trimStart().length;
  return { start: start + indent, end: start + line.trimEnd().length };
}
