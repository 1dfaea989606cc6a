import { endBefore, leadingSpace } from './characters.ts';

const known: ReadonlySet<string> = new Set(['syntax', 'escape', 'check']);
const blanks = '\t\n\f\r ';
const assignment = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.*)$/;

/** A directive as one line has it; `undefined` for any other line, which ends the directives. */
export function readDirective(line: string, comment = '#'): { name: string; value: string } | undefined {
  if (!line.startsWith(comment)) return undefined;
  const rest = line.slice(comment.length);
  const match = assignment.exec(rest.slice(leadingSpace(rest)));
  const name = match?.[1]?.toLowerCase() ?? '';
  const value = match?.[2] ?? '';
  const trimmed = value.slice(0, endBefore(value, blanks));
  return known.has(name) && trimmed !== '' ? { name, value: trimmed } : undefined;
}

/**
 * Finds the `syntax` or `check` directive as BuildKit does before it chooses a frontend, in files of any frontend.
 *
 * A `#!` line is skipped; `syntax` may also stand in `//` comments or in a JSON document. The value of `syntax` ends at
 * its first space.
 */
export function detectDirective(text: string, name: 'syntax' | 'check'): string | undefined {
  const body = text.replace(/^\ufeff/, '').replace(/^#![^\n]*(?:\n|$)/, '');
  const found = firstDirective(body, name, '#') ?? (name === 'syntax' ? foreignSyntax(body) : undefined);
  return name === 'syntax' ? found?.split(' ', 1)[0] : found;
}

function firstDirective(body: string, name: string, comment: string): string | undefined {
  const seen = new Set<string>();
  for (const line of body.split('\n')) {
    const directive = readDirective(line.replace(/\r$/, ''), comment);
    if (directive === undefined || seen.has(directive.name)) return undefined;
    if (directive.name === name) return directive.value;
    seen.add(directive.name);
  }
  return undefined;
}

function foreignSyntax(body: string): string | undefined {
  const commented = firstDirective(body, 'syntax', '//');
  if (commented !== undefined) return commented;
  if (leadingSpace(body) === body.length || body[leadingSpace(body)] !== '{') return undefined;
  try {
    const document = JSON.parse(body) as { syntax?: unknown };
    return typeof document.syntax === 'string' ? document.syntax : undefined;
  } catch {
    return undefined;
  }
}
