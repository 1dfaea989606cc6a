import type { Dockerfile, Instruction, TextEdit } from '../dockerfile/model.ts';
import type { Choice } from './platform-choice.ts';

/** A variable that a `case` sets. */
export interface CaseVariable {
  readonly name: string;
  /** On amd64. */
  readonly text: string;
  /** In the order of the choices; `undefined` where nobody knows. */
  readonly texts: readonly (string | undefined)[];
}

export interface CaseRequest {
  /** The ARGs that tell the platform. */
  readonly subject: readonly string[];
  readonly choices: readonly Choice[];
  readonly variables: readonly CaseVariable[];
  /** The instruction's heredoc is the script. */
  readonly isScript: boolean;
}

/** A `case` at the head of a RUN; platforms for which a text is missing stop there. */
export function caseLines(
  dockerfile: Dockerfile,
  instruction: Instruction,
  request: CaseRequest,
): readonly TextEdit[] {
  const { newline, escape: escaping } = dockerfile;
  const lines = caseOf(request);
  if (request.isScript) {
    const at = scriptStart(dockerfile, instruction);
    // A shell takes a carriage return for a part of the word before it.
    return [{ start: at, end: at, newText: lines.map((line) => `${line}\n`).join('') }];
  }
  const at = instruction.argumentsRange.start;
  const indent = continuationIndent(dockerfile, instruction);
  const text = lines.map((line, index) => {
    const last = index === lines.length - 1;
    return `${index === 0 ? '' : indent}${line}${last ? ';' : ''} ${escaping}${newline}`;
  });
  return [{ start: at, end: at, newText: text.join('') + indent }];
}

function caseOf({ subject, choices, variables }: CaseRequest): readonly string[] {
  const platform = subject.map((name) => `$${name}`).join('');
  // The classic builder of `docker build` sets none of them.
  const said = platform.replace('$TARGETARCH', '${TARGETARCH:-none, build with BuildKit}');
  const branch = (label: string, texts: readonly string[]): string =>
    `  ${label}*) ${variables.map(({ name }, index) => `${name}=${quoted(texts[index] ?? '')}`).join('; ')} ;;`;
  const known = choices.flatMap(({ label }, index) => {
    const texts = variables.map((variable) => variable.texts[index]);
    return texts.every((text) => text !== undefined) ? [branch(label, texts)] : [];
  });
  return [
    `case "${platform}" in`,
    branch(
      'amd64',
      variables.map(({ text }) => text),
    ),
    ...known,
    `  *) echo "unsupported platform: ${said}" >&2; exit 1 ;;`,
    'esac',
  ];
}

/** The first line of the body that a shell runs: behind `#!`. */
function scriptStart({ text }: Dockerfile, { heredocs }: Instruction): number {
  const start = heredocs[0]?.range.start ?? 0;
  return text.startsWith('#!', start) ? text.indexOf('\n', start) + 1 : start;
}

/** The indent of the lines that go on with an instruction: the smallest of those that are there. */
function continuationIndent(
  { text }: Dockerfile,
  { argumentsRange, keywordRange, logical }: Instruction,
): string {
  const own = indentAt(text, argumentsRange.start);
  if (own !== undefined) return own;
  const indents = logical.pieces
    .filter(({ start }) => start > argumentsRange.start)
    .map(({ start, end }) => /^[\t ]*/.exec(text.slice(start, end))?.[0] ?? '')
    .filter((indent) => indent !== '')
    .sort((a, b) => a.length - b.length);
  return indents[0] ?? `${indentAt(text, keywordRange.start) ?? ''}    `;
}

/** The blanks in front of a place; `undefined` when more stands there. */
function indentAt(text: string, at: number): string | undefined {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at).replace(/^\ufeff/, '');
  return /^[\t ]*$/.test(line) ? line : undefined;
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
