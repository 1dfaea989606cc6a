import { detectDirective } from '../dockerfile/directives.ts';
import type { Dockerfile, Range } from '../dockerfile/model.ts';
import type { Change } from './draft.ts';

const inert = '# (the syntax line is left out: its frontend is not used)';

/** The frontend image that a Dockerfile asks for with `# syntax=`. */
export function syntaxImage(dockerfile: Dockerfile): string | undefined {
  return detectDirective(dockerfile.text, 'syntax');
}

/**
 * Takes the `# syntax=` line out; the directives below it move up a line, so that they stay directives.
 *
 * The number of lines stays.
 */
export function dropSyntaxLine(dockerfile: Dockerfile): Change {
  if (syntaxImage(dockerfile) === undefined) return { edits: [] };
  const at = dockerfile.directives.findIndex(({ name }) => name === 'syntax');
  if (at < 0) return { edits: lineAfterShebang(dockerfile) };
  const lines = dockerfile.directives.slice(at).map(({ range }) => wholeLine(dockerfile.text, range));
  const texts = lines.map(({ start, end }) => dockerfile.text.slice(start, end));
  return {
    edits: lines.map((line, index) => ({ ...line, newText: texts[index + 1] ?? inert })),
  };
}

/** A `#!` line hides the directives from the parser, but not the syntax from BuildKit. */
function lineAfterShebang({ text }: Dockerfile): Change['edits'] {
  const match = /^[ \t]*#[ \t]*syntax[ \t]*=.*$/im.exec(text);
  if (!match) return [];
  const start = match.index;
  return [{ start, end: start + match[0].replace(/\r$/, '').length, newText: inert }];
}

function wholeLine(text: string, range: Range): Range {
  const newline = text.lastIndexOf('\n', range.start - 1) + 1;
  const start = newline === 0 && text.startsWith('\ufeff') ? 1 : newline;
  const next = text.indexOf('\n', range.start);
  const end = next < 0 ? text.length : next;
  return { start, end: text[end - 1] === '\r' ? end - 1 : end };
}
