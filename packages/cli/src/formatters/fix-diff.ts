import { applyEdits, type TextEdit, unifiedDiff } from '@mabuild/core';

/**
 * What edits change, as the hunks of a unified diff with one line of context; none when they change nothing.
 *
 * Line ends are those of the diff: a carriage return of the file is not shown.
 */
export function fixDiff(text: string, edits: readonly TextEdit[]): readonly string[] {
  if (edits.length === 0) return [];
  // A diff of the lines around the edits alone, so that many findings in a long file stay cheap.
  const first = Math.min(...edits.map((edit) => edit.start));
  const last = Math.max(...edits.map((edit) => edit.end));
  const start = lineStart(text, lineStart(text, first) - 1);
  const end = lineEnd(text, lineEnd(text, last));
  const before = text.slice(start, end);
  const moved = edits.map((edit) => ({ ...edit, start: edit.start - start, end: edit.end - start }));
  const diff = unifiedDiff(before, applyEdits(before, moved), { from: 'a', to: 'b' }, { context: 1 });
  if (diff === '') return [];
  const skipped = countLines(text, start);
  return diff
    .replace(/\n$/, '')
    .split('\n')
    .slice(2)
    .map((line) => line.replace(/\r$/, ''))
    .map((line) => (line.startsWith('@@') ? moveHunk(line, skipped) : line));
}

function moveHunk(header: string, lines: number): string {
  return header.replace(
    /([-+])(\d+)/g,
    (_, sign: string, number: string) => `${sign}${Number(number) + lines}`,
  );
}

/** The offset of the first character of the line that `offset` stands in. */
function lineStart(text: string, offset: number): number {
  return offset <= 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

/** The offset after the line end of the line that `offset` stands in. */
function lineEnd(text: string, offset: number): number {
  const feed = text.indexOf('\n', offset);
  return feed < 0 ? text.length : feed + 1;
}

function countLines(text: string, end: number): number {
  let lines = 0;
  for (let feed = text.indexOf('\n'); feed >= 0 && feed < end; feed = text.indexOf('\n', feed + 1))
    lines += 1;
  return lines;
}
