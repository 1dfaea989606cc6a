import type { Platform } from '@mabuild/oci';
import type { Dockerfile, Heredoc, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { scopeAt } from '../dockerfile/scope.ts';
import { amd64Branch, argsFor, branchesOf, textFor } from './branches.ts';
import type { Variation } from './variation.ts';

/** How a RUN is made to serve every platform. */
export interface RunCase {
  readonly edits: readonly TextEdit[];
  /** Automatic ARGs that the stage has to declare before. */
  readonly args: readonly string[];
  readonly refused: readonly Variation[];
}

/**
 * Puts one `case` on the platform at the head of a RUN and its variables where the texts differ.
 *
 * What follows keeps its bytes and its meaning: the `case` ends with `;`, and leaves the shell when it must.
 */
export function runCase(
  dockerfile: Dockerfile,
  instruction: Instruction,
  variations: readonly Variation[],
  platforms: readonly Platform[],
): RunCase {
  const writable = variations.filter(({ site }) => site.quoting !== 'literal' && site.quoting !== 'json');
  const refused = variations.filter((variation) => !writable.includes(variation));
  const branches = branchesOf(writable, platforms);
  if (writable.length === 0 || branches.length === 0) return { edits: [], args: [], refused: variations };
  const direct = writable.filter(({ shell }) => shell !== undefined);
  const chosen = writable.filter(({ shell }) => shell === undefined);
  const edits = direct.flatMap((variation) => write(dockerfile, variation, variation.shell?.text ?? ''));
  const args = new Set(direct.flatMap(({ shell }) => shell?.args ?? []));
  if (chosen.length > 0) {
    const all = [amd64Branch, ...branches];
    const variables = nameVariables(dockerfile, instruction, chosen);
    const rows = all.map((branch) => {
      const values = [...variables].map(
        ([name, [variation]]) => `${name}=${quote(textFor(variation as Variation, branch))}`,
      );
      return `${branch.name}*) ${values.join(' ')} ;;`;
    });
    const subject = argsFor(branches)
      .map((name) => `$${name}`)
      .join('');
    edits.push(insertCase(dockerfile, instruction, rows, subject));
    for (const [name, items] of variables) {
      for (const variation of items) edits.push(...write(dockerfile, variation, `\${${name}}`));
    }
    for (const arg of argsFor(branches)) args.add(arg);
  }
  return { edits, args: [...args], refused };
}

/** Variations that are the same on every platform share a variable, whose name is new to the RUN. */
function nameVariables(
  dockerfile: Dockerfile,
  instruction: Instruction,
  variations: readonly Variation[],
): ReadonlyMap<string, readonly Variation[]> {
  const byKey = new Map<string, Variation[]>();
  for (const variation of variations) {
    const key = JSON.stringify([variation.name, variation.text, Object.entries(variation.texts).sort()]);
    byKey.set(key, [...(byKey.get(key) ?? []), variation]);
  }
  const taken = takenNames(dockerfile, instruction, variations[0]?.site.stage);
  const names = new Map<string, readonly Variation[]>();
  for (const items of byKey.values()) {
    const stem = items[0]?.name ?? 'arch';
    let name = stem;
    for (let count = 2; names.has(name) || taken.has(name); count += 1) name = `${stem}${count}`;
    names.set(name, items);
  }
  return names;
}

/** The names that a RUN sets or reads, and those of its environment. */
function takenNames(
  dockerfile: Dockerfile,
  instruction: Instruction,
  stage: Stage | undefined,
): ReadonlySet<string> {
  const source = dockerfile.text.slice(instruction.range.start, instruction.range.end);
  const own = [...source.matchAll(/\$\{?[#!]?(\w+)|\b(\w+)=|\bfor\s+(\w+)\s|\bread\s+(?:-\w+\s+)*(\w+)/g)];
  const environment = stage ? scopeAt(dockerfile, stage, instruction).keys() : [];
  return new Set([...own.flatMap((match) => match.slice(1)), ...environment]);
}

/** Writes a shell text into a site, minding the quotes around it. */
function write({ text: source }: Dockerfile, { site }: Variation, text: string): TextEdit[] {
  const [first] = site.pieces;
  const last = site.pieces.at(-1);
  if (site.quoting !== 'single' || !first || !last) {
    return site.pieces.map((piece, index) => ({ ...piece, newText: index === 0 ? text : '' }));
  }
  // Quotes that would hold nothing go.
  const opens = source[first.start - 1] === "'";
  const closes = source[last.end] === "'";
  const quoted = `${opens ? '' : "'"}"${text}"${closes ? '' : "'"}`;
  return site.pieces.map((piece, index) => ({
    start: index === 0 && opens ? piece.start - 1 : piece.start,
    end: piece === last && closes ? piece.end + 1 : piece.end,
    newText: index === 0 ? quoted : '',
  }));
}

function quote(text: string): string {
  return /^[\w./:+@%,=~-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function insertCase(
  dockerfile: Dockerfile,
  instruction: Instruction,
  rows: readonly string[],
  subject: string,
): TextEdit {
  const { newline, text } = dockerfile;
  const otherwise = `*) echo "unsupported platform: ${subject}" >&2; exit 1 ;;`;
  const script = scriptHeredoc(instruction);
  if (script) {
    const at = bodyStart(text, script);
    const lines = [`case "${subject}" in`, ...[...rows, otherwise].map((row) => `  ${row}`), 'esac'];
    return { start: at, end: at, newText: lines.map((line) => `${line}${newline}`).join('') };
  }
  const { start } = instruction.argumentsRange;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const before = text.slice(lineStart, start);
  const indent = /^[ \t]*$/.test(before) ? before : `${/^[ \t]*/.exec(before)?.[0] ?? ''}    `;
  const end = ` ${dockerfile.escape}${newline}`;
  const lines = [
    `case "${subject}" in`,
    ...[...rows, otherwise].map((row) => `${indent}  ${row}`),
    `${indent}esac;`,
  ];
  return { start, end: start, newText: `${lines.join(end)}${end}${indent}` };
}

/** The heredoc that is the whole script of a RUN. */
function scriptHeredoc({ heredocs, words }: Instruction): Heredoc | undefined {
  const [first] = heredocs;
  const alone = heredocs.length === 1 && /^\d*<<-?[\t ]*[^<\s]+$/.test(words[0]?.raw.trim() ?? '');
  return alone ? first : undefined;
}

/** Behind the line that names the shell. */
function bodyStart(text: string, { range }: Heredoc): number {
  if (!text.startsWith('#!', range.start)) return range.start;
  const end = text.indexOf('\n', range.start);
  return end < 0 || end >= range.end ? range.end : end + 1;
}
