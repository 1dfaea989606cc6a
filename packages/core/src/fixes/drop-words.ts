import type { Range, TextEdit } from '../dockerfile/model.ts';

const blank = /[\t ]/;
const wordEnd = /[\t \r\n;&|()]/;

/**
 * Takes words out of a text, with the blanks in front of them; lines that are left with nothing go too.
 *
 * Spans that are a part of a word go alone. `escaping` is the character that continues a line.
 */
export function dropWords(text: string, spans: readonly Range[], escaping: string): readonly TextEdit[] {
  const whole = spans.map((span) => unquoted(text, span)).sort((a, b) => a.start - b.start);
  const gone = new Set<number>();
  const mark = (from: number, to: number): void => {
    for (let at = from; at < to; at += 1) gone.add(at);
  };
  const lines = new Set<number>();
  for (const { start, end } of whole) {
    mark(start, end);
    if (!isWord(text, start, end)) continue;
    const line = lineStart(text, start);
    lines.add(line);
    let left = start;
    while (left > line && (blank.test(text[left - 1] as string) || gone.has(left - 1))) left -= 1;
    if (left > line) {
      mark(left, start);
      continue;
    }
    let right = end;
    while (blank.test(text[right] ?? '')) right += 1;
    mark(end, right);
  }
  for (const line of [...lines].sort((a, b) => a - b)) dropEmptyLine(text, line, escaping, gone);
  return toEdits(gone);
}

/** A word in quotes of its own goes with them. */
function unquoted(text: string, { start, end }: Range): Range {
  const before = text[start - 1];
  const isQuoted = (before === '"' || before === "'") && text[end] === before;
  return isQuoted && isWord(text, start - 1, end + 1) ? { start: start - 1, end: end + 1 } : { start, end };
}

function isWord(text: string, start: number, end: number): boolean {
  const before = text[start - 1];
  const after = text[end];
  return (before === undefined || /[\t \n]/.test(before)) && (after === undefined || wordEnd.test(after));
}

function dropEmptyLine(text: string, start: number, escaping: string, gone: Set<number>): void {
  const feed = text.indexOf('\n', start);
  const end = feed < 0 ? text.length : feed;
  const left = kept(text, start, end, gone);
  const rest = left.trim();
  if (rest !== '' && rest !== escaping) return;
  for (let at = start; at < (feed < 0 ? end : end + 1); at += 1) gone.add(at);
  if (rest === escaping) return;
  // The line ended the instruction: the one above it ends it now.
  let line = start;
  while (line > 0) {
    const above = lineStart(text, line - 1);
    const content = kept(text, above, line - 1, gone);
    const isComment = content.trimStart().startsWith('#');
    if (content.trim() !== '' && !isComment) {
      if (!content.trimEnd().endsWith(escaping)) return;
      let at = line - 1;
      while (gone.has(at) || text[at] !== escaping) at -= 1;
      gone.add(at);
      for (at -= 1; at >= above && (blank.test(text[at] as string) || gone.has(at)); at -= 1) gone.add(at);
      return;
    }
    line = above;
  }
}

function kept(text: string, start: number, end: number, gone: ReadonlySet<number>): string {
  let out = '';
  for (let at = start; at < end; at += 1) if (!gone.has(at)) out += text[at];
  return out;
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function toEdits(gone: ReadonlySet<number>): readonly TextEdit[] {
  const edits: { start: number; end: number; newText: string }[] = [];
  for (const at of [...gone].sort((a, b) => a - b)) {
    const last = edits.at(-1);
    if (last?.end === at) last.end = at + 1;
    else edits.push({ start: at, end: at + 1, newText: '' });
  }
  return edits;
}
