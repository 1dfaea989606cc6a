import { endBefore } from './characters.ts';
import type { Range } from './model.ts';
import { continuationStart, type Line, type Scan } from './scan.ts';

const unicodeSpace = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;
const lineBreaks = /[\r\v\f]/g;
const leadingUnicodeSpace = /^[\t ]*[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/**
 * A text of the same length and with the same lines in which dockerfile-ast finds the instructions that BuildKit finds.
 *
 * What the two read differently (heredocs, escaped continuations, pseudo directives, odd spaces) is overwritten, so only
 * positions may be taken from it, never text. Arguments, which nobody asks dockerfile-ast for, are one long word for each
 * line: it would take them apart again and again.
 */
export function maskDockerfile(text: string, scan: Scan): string {
  let out = text.startsWith('\ufeff') ? '\ufeff' : '';
  const starts = new Set(scan.instructions.map(({ startLine }) => startLine));
  let plain = false;
  for (const [index, line] of scan.lines.entries()) {
    const content = text.slice(line.start, line.end);
    const body = content.endsWith('\r') ? content.slice(0, -1) : content;
    let masked = maskLine(body, line, scan.escape);
    if (line.kind === 'instruction') {
      const isFirst = starts.has(index + 1);
      const end = continuationStart(masked, scan.escape) ?? masked.length;
      const keyword = isFirst
        ? (/^[\t ]*[^\t ]+[\t ](?=[\t ]*[^\t ])/.exec(masked.slice(0, end))?.[0].length ?? 0)
        : 0;
      if (isFirst) plain = keyword > 0;
      if (plain && end > keyword) {
        masked = masked.slice(0, keyword) + 'x'.repeat(end - keyword) + masked.slice(end);
      }
    }
    out += masked + text.slice(line.start + body.length, nextStart(text, line));
  }
  return out;
}

function nextStart(text: string, line: Range): number {
  return text[line.end] === '\n' ? line.end + 1 : line.end;
}

function maskLine(body: string, line: Line, escaping: string): string {
  switch (line.kind) {
    case 'instruction':
      return maskInstruction(body, escaping);
    case 'comment':
      return body.replace(lineBreaks, ' ').replaceAll('=', ' ').replace(unicodeSpace, ' ');
    case 'inner-comment':
    case 'blank':
      return ' '.repeat(body.length);
    case 'heredoc':
      return body === '' ? '' : `#${' '.repeat(body.length - 1)}`;
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
