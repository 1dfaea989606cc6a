import { parseDockerfile } from '@mabuild/core';
import { lineHunks } from './line-diff.ts';

/**
 * What no rewrite may do to a file: says what it did all the same, `undefined` when nothing.
 *
 * Lines that no finding names stay byte for byte and in order, comments, line ends, a byte order mark and the end of
 * the file stay as they are, and the result parses.
 */
export function brokenBy(before: string, after: string, touched: ReadonlySet<number>): string | undefined {
  if (before === after) return undefined;
  if (before.startsWith('\ufeff') !== after.startsWith('\ufeff')) return 'the byte order mark';
  if (!/\r\n/.test(before) && /\r\n/.test(after)) return 'line ends: a CRLF came in';
  if (/\r\n/.test(before) && !/[^\r]\n/.test(before) && /[^\r]\n/.test(after))
    return 'line ends: an LF came in';
  if (before.endsWith('\n') !== after.endsWith('\n')) return 'the end of the file';
  const lost = lostComment(before, after);
  if (lost !== undefined) return `a comment is gone: ${lost}`;
  for (const { start, removed } of lineHunks(before, after)) {
    const stray = removed.findIndex(
      (line, index) => line.trim() !== '' && !isCheck(line) && !touched.has(start + index + 1),
    );
    if (stray >= 0) return `line ${start + stray + 1}, which no finding names: ${removed[stray]}`;
  }
  parseDockerfile(after);
  return undefined;
}

function lostComment(before: string, after: string): string | undefined {
  const kept = comments(after);
  let at = 0;
  for (const line of comments(before)) {
    const found = kept.indexOf(line, at);
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}

/** Whole-line comments; an instruction that people commented out is theirs too. */
function comments(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => /^\s*#/.test(line) && !isCheck(line));
}

/** BuildKit's directive: it has to allow what `error=true` would refuse of the result. */
function isCheck(line: string): boolean {
  return /^#\s*check=/i.test(line);
}
