import { type Dockerfile, locate, type Range } from '@mabuild/core';
import { columnsOf, visible } from '../text/visible.ts';

/** One line of a file and the part of it that a span covers, in UTF-16 offsets of the line. */
export interface SourceLine {
  /** From 1. */
  readonly number: number;
  /** Without its line end. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** The lines that a range touches, each with its part of the range. */
export function spanLines(
  dockerfile: Pick<Dockerfile, 'text' | 'file'>,
  range: Range,
): readonly SourceLine[] {
  const { text } = dockerfile;
  const { line } = locate(dockerfile, range);
  const lines: SourceLine[] = [];
  let start = text.lastIndexOf('\n', range.start - 1) + 1;
  if (start === 0 && text.startsWith('\ufeff')) start = 1;
  for (let number = line; ; number += 1) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    const content = text.slice(start, end).replace(/\r$/, '');
    lines.push({
      number,
      text: content,
      from: Math.min(Math.max(range.start - start, 0), content.length),
      to: Math.min(Math.max(range.end - start, 0), content.length),
    });
    if (feed < 0 || feed + 1 >= range.end) return lines;
    start = feed + 1;
  }
}

/** Lines of a span that are shown before the others are left out. */
const mostLines = 6;
/** Columns of a line that are shown around its part of the span. */
const mostColumns = 160;

/** The lines of a range with carets below what it covers; of a long one the first and the last lines. */
export function formatSpan(dockerfile: Pick<Dockerfile, 'text' | 'file'>, range: Range): string[] {
  const lines = spanLines(dockerfile, range);
  const width = Math.max(...lines.map(({ number }) => String(number).length));
  const shown = lines.length > mostLines ? [...lines.slice(0, 3), undefined, ...lines.slice(-2)] : lines;
  return shown.flatMap((line) => {
    if (line === undefined) return [`   ${'…'.padStart(width)} |`];
    const clipped = clip(line);
    const before = visible(clipped.text.slice(0, clipped.from)).replaceAll('\t', ' ');
    const marked = visible(clipped.text.slice(clipped.from, clipped.to)).replaceAll('\t', ' ');
    const after = visible(clipped.text.slice(clipped.to)).replaceAll('\t', ' ');
    // The blanks that indent a later line of the span are no part of what is meant.
    const indent = line === lines[0] ? 0 : marked.length - marked.trimStart().length;
    const carets = '^'.repeat(Math.max(columnsOf(marked) - indent, 0));
    const rows = [`   ${String(line.number).padStart(width)} | ${before}${marked}${after}`];
    if (carets !== '' || lines.length === 1) {
      rows.push(`   ${' '.repeat(width)} | ${' '.repeat(columnsOf(before) + indent)}${carets || '^'}`);
    }
    return rows;
  });
}

function clip(line: SourceLine): SourceLine {
  if (line.text.length <= mostColumns) return line;
  const start = line.from < mostColumns - 40 ? 0 : line.from - 40;
  const end = Math.min(start + mostColumns, line.text.length);
  const head = start > 0 ? '…' : '';
  const tail = end < line.text.length ? '…' : '';
  return {
    ...line,
    text: head + line.text.slice(start, end) + tail,
    from: line.from - start + head.length,
    to: Math.min(line.to, end) - start + head.length,
  };
}
