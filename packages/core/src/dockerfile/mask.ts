import { endBefore } from './characters.ts';
import { continuationStart, type Line, type Scan } from './scan.ts';

const unicodeSpace = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;
const lineBreaks = /[\r\v\f]/g;
const leadingUnicodeSpace = /^[\t ]*[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/**
 * A text with the same lines, in which dockerfile-ast finds the instructions that BuildKit finds, in the same columns.
 *
 * An instruction is a word as long as its keyword and one letter for the arguments, which nobody asks dockerfile-ast for
 * and which it would take apart keyword by keyword; lines that go on, comments and heredocs are empty. Where the keyword itself goes on in the
 * next line the lines stay, and what the two read differently (escapes, odd spaces) is overwritten. Only the positions of
 * keywords may be taken from it, never text.
 */
export function maskDockerfile(text: string, scan: Scan): string {
  const starts = new Set(scan.instructions.map(({ startLine }) => startLine));
  const lines: string[] = [];
  let short = false;
  for (const [index, line] of scan.lines.entries()) {
    const isFirst = starts.has(index + 1);
    if (line.kind !== 'instruction' && line.kind !== 'directive') lines.push('');
    else if (line.kind === 'instruction' && short && !isFirst) lines.push('');
    else {
      const body = text.slice(line.start, line.end).replace(/\r$/, '');
      const masked = maskLine(body, line, scan.escape);
      const keyword = isFirst ? keywordOf(masked, scan.escape) : undefined;
      if (isFirst) short = keyword !== undefined;
      lines.push(keyword === undefined ? masked : `${keyword.replace(/[^\t ]/g, 'x')}x`);
    }
  }
  return (text.startsWith('\ufeff') ? '\ufeff' : '') + lines.join('\n');
}

/** What stands before the arguments of an instruction, when they begin on its first line. */
function keywordOf(line: string, escaping: string): string | undefined {
  const keyword = /^[\t ]*[^\t ]+[\t ](?=[\t ]*[^\t ])/.exec(line)?.[0];
  if (keyword === undefined) return undefined;
  return keyword.length < (continuationStart(line, escaping) ?? line.length) ? keyword : undefined;
}

function maskLine(body: string, line: Line, escaping: string): string {
  return line.kind === 'instruction'
    ? maskInstruction(body, escaping)
    : body.replace(lineBreaks, ' ').replace(unicodeSpace, ' ');
}

function maskInstruction(body: string, escaping: string): string {
  if (body.trim() === escaping) return ' '.repeat(body.length);
  const visible = body.slice(0, endBefore(body, '\r'));
  const end = continuationStart(visible, escaping) ?? body.length;
  const tail = body.slice(end).replace(lineBreaks, ' ');
  return (
    body
      .slice(0, end)
      .replace(lineBreaks, ' ')
      // Only an escape character that continues the line may look like one.
      .replaceAll(escaping, '_')
      .replaceAll('<<', '++')
      .replace(leadingUnicodeSpace, (spaces) => ' '.repeat(spaces.length))
      .replace(unicodeSpace, '_') + tail
  );
}
