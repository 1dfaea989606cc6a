import { endBefore } from './characters.ts';
import type { Range } from './model.ts';
import type { Line, Scan } from './scan.ts';

const unicodeSpace = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;
const leadingUnicodeSpace = /^[\t ]*[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/**
 * A text of the same length and with the same lines in which dockerfile-ast finds the instructions that BuildKit finds.
 *
 * What the two read differently (heredocs, escaped continuations, pseudo directives, odd spaces) is overwritten, so only
 * positions may be taken from it, never text.
 */
export function maskDockerfile(text: string, scan: Scan): string {
  let out = text.startsWith('\ufeff') ? '\ufeff' : '';
  for (const line of scan.lines) {
    const content = text.slice(line.start, line.end);
    const body = content.endsWith('\r') ? content.slice(0, -1) : content;
    const masked = maskLine(body.replace(/[\r\v\f]/g, ' '), line, scan.escape);
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
      return body.replaceAll('=', ' ').replace(unicodeSpace, ' ');
    case 'inner-comment':
    case 'blank':
      return ' '.repeat(body.length);
    case 'heredoc':
      return body === '' ? '' : `#${' '.repeat(body.length - 1)}`;
    case 'directive':
      return body;
  }
}

function maskInstruction(body: string, escaping: string): string {
  if (body.trim() === escaping) return ' '.repeat(body.length);
  const end = endBefore(body, ' \t');
  const run = endBefore(body.slice(0, end), escaping);
  // Two escape characters at the end of a line escape each other: the line does not go on.
  const ended = end - run > 1 ? body.slice(0, run) + '_'.repeat(end - run) + body.slice(end) : body;
  return ended
    .replaceAll('<<', '++')
    .replace(leadingUnicodeSpace, (spaces) => ' '.repeat(spaces.length))
    .replace(unicodeSpace, '_');
}
