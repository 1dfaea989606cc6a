import { endBefore } from './characters.ts';
import { continuationStart, type Line, type Scan } from './scan.ts';

const unicodeSpace = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;
const lineBreaks = /[\r\v\f]/g;
const leadingUnicodeSpace = /^[\t ]*[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/**
 * A text with the same lines, in which dockerfile-ast finds the instructions that BuildKit finds, in the same columns.
 *
 * What the two read differently (heredocs, escaped continuations, pseudo directives, odd spaces) is overwritten, and so
 * are the arguments, which nobody asks dockerfile-ast for and which it would take apart again and again. Only the
 * positions of keywords may be taken from it, never text.
 */
export function maskDockerfile(text: string, scan: Scan): string {
  const starts = new Set(scan.instructions.map(({ startLine }) => startLine));
  const lines: string[] = [];
  let short = false;
  for (const [index, line] of scan.lines.entries()) {
    const content = text.slice(line.start, line.end);
    const isCrlf = content.endsWith('\r');
    const body = isCrlf ? content.slice(0, -1) : content;
    let masked = maskLine(body, line, scan.escape);
    if (line.kind === 'instruction') {
      const keyword = starts.has(index + 1) ? keywordEnd(masked, scan.escape) : 0;
      if (starts.has(index + 1)) short = keyword > 0;
      if (short) masked = shorten(masked, keyword, scan.escape);
    }
    lines.push(isCrlf ? `${masked}\r` : masked);
  }
  return (text.startsWith('\ufeff') ? '\ufeff' : '') + lines.join('\n') + (text.endsWith('\n') ? '\n' : '');
}

/** Where the arguments of an instruction begin on its first line; 0 when none do. */
function keywordEnd(line: string, escaping: string): number {
  const end = continuationStart(line, escaping) ?? line.length;
  return /^[\t ]*[^\t ]+[\t ](?=[\t ]*[^\t ])/.exec(line.slice(0, end))?.[0].length ?? 0;
}

/** One letter stands for the arguments of a line. */
function shorten(line: string, from: number, escaping: string): string {
  const end = continuationStart(line, escaping) ?? line.length;
  return end > from ? `${line.slice(0, from)}x${line.slice(end)}` : line;
}

function maskLine(body: string, line: Line, escaping: string): string {
  switch (line.kind) {
    case 'instruction':
      return maskInstruction(body, escaping);
    case 'comment':
      return body === '' ? '' : '#';
    case 'inner-comment':
    case 'blank':
      return '';
    case 'heredoc':
      return body === '' ? '' : '#';
    case 'directive':
      return body.replace(lineBreaks, ' ').replace(unicodeSpace, ' ');
  }
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
