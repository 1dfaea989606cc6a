import { readScript, type Script } from '../analysis/scripts.ts';
import { Attached } from '../attached.ts';
import type { Dockerfile, Instruction, LogicalText, Range, Stage } from '../dockerfile/model.ts';
import type { ShellPart, ShellText, ShellWord } from '../dockerfile/shell-model.ts';
import type { Quoting, Site } from './variation.ts';

const scripts = new Attached<Instruction, { readonly script: Script | undefined }>();

/** The script of a RUN, read once. */
export function scriptOf(dockerfile: Dockerfile, stage: Stage, instruction: Instruction): Script | undefined {
  const known = scripts.get(instruction);
  if (known) return known.script;
  const script = readScript(dockerfile, stage, instruction, undefined);
  scripts.set(instruction, { script });
  return script;
}

/**
 * How the shell of the RUN itself reads a span; what an inner shell gets in quotes is text to it.
 *
 * `undefined` where a variable would not be expanded, or the text is not what it seems.
 */
export function shellQuoting(script: Script, site: Site): Quoting | undefined {
  const first = site.pieces[0];
  const last = site.pieces.at(-1);
  if (!first || !last) return undefined;
  const start = logicalIndex(script.logical, first.start);
  const end = logicalIndex(script.logical, last.end);
  if (start === undefined || end === undefined) return undefined;
  let outermost: ShellText | undefined;
  const look = (part: ShellPart, literal: boolean): boolean => {
    if (part.kind === 'variable') return part.operand?.parts.every((inner) => look(inner, literal)) ?? true;
    if (part.kind !== 'text' || part.start > start || part.end < end) return true;
    if (literal || !part.exact) return false;
    if (outermost === undefined || part.end - part.start > outermost.end - outermost.start) outermost = part;
    return true;
  };
  const words = (items: readonly ShellWord[]): boolean =>
    items.every(({ start: from, end: to, parts }) =>
      from > start || to < end ? true : parts.every((part) => look(part, false)),
    );
  for (const command of script.shell.commands) {
    const readable =
      words(command.words) &&
      words(command.assignments.map(({ value }) => value)) &&
      words(command.redirects.map(({ target }) => target)) &&
      command.hereDocs.every(({ quoted, body }) => body.parts.every((part) => look(part, quoted)));
    if (!readable) return undefined;
  }
  const found = outermost as ShellText | undefined;
  return found?.quoting ?? (site.quoting === 'json' || site.quoting === 'literal' ? undefined : site.quoting);
}

/** The place of a source offset in a logical text. */
function logicalIndex(logical: LogicalText, offset: number): number | undefined {
  let passed = 0;
  for (const piece of logical.pieces) {
    if (offset >= piece.start && offset <= piece.end) return passed + offset - piece.start;
    passed += piece.end - piece.start;
  }
  return undefined;
}

/** The span, and the quotes around it when they hold nothing else. */
export function withQuotes(text: string, pieces: readonly Range[]): readonly Range[] | undefined {
  const first = pieces[0];
  const last = pieces.at(-1);
  if (!first || !last) return undefined;
  const quote = text[first.start - 1];
  const isAlone =
    (quote === '"' || quote === "'") &&
    text[last.end] === quote &&
    /^[\t \n=]?$/.test(text[first.start - 2] ?? '') &&
    /^[\t \r\n;&|)]?$/.test(text[last.end + 1] ?? '');
  if (!isAlone) return undefined;
  return pieces.map((piece) => ({
    start: piece === first ? piece.start - 1 : piece.start,
    end: piece === last ? piece.end + 1 : piece.end,
  }));
}
