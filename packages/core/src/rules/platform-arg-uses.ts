import type { Script } from '../analysis/scripts.ts';
import { sourceRange } from '../dockerfile/logical.ts';
import type { Dockerfile, Instruction, LogicalText, Range } from '../dockerfile/model.ts';
import { isPosixShell, type ShellPart, type ShellScript, type ShellWord } from '../dockerfile/shell-model.ts';
import { automaticArgs, automaticReference } from './platform-arg.ts';

/** An automatic ARG that is read, and where. */
export interface AutomaticUse {
  readonly name: string;
  readonly range: Range;
}

const automaticMention = /(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)/;

/** A quick look whether an instruction may read one. */
export function mentionsAutomaticArgs(instruction: Instruction): boolean {
  return automaticMention.test(instruction.logical.text) || instruction.heredocs.length > 0;
}

/** The automatic ARGs that an instruction reads, those with a fallback that knows better left out. */
export function automaticUses(
  dockerfile: Dockerfile,
  instruction: Instruction,
  script: Script | undefined,
): readonly AutomaticUse[] {
  switch (instruction.keyword) {
    case 'RUN': {
      const flags = instruction.flags.flatMap(({ value, range }) => inText(value ?? '', () => range));
      return [...flags, ...(script ? inScript(script) : inExecForm(instruction))];
    }
    // The value of a name is read by the instructions that use it; FOO=$TARGETARCH is a use itself.
    case 'ARG':
    case 'ENV':
    case 'LABEL':
    case 'COPY':
    case 'ADD':
    case 'WORKDIR':
    case 'USER':
    case 'VOLUME':
    case 'EXPOSE':
    case 'STOPSIGNAL': {
      const words = instruction.words.flatMap((word) => {
        const logical = { text: word.raw, pieces: word.pieces };
        return inText(unquoted(word.raw), (start, end) => sourceRange(logical, start, end));
      });
      const bodies = instruction.heredocs.flatMap((heredoc) => {
        if (!heredoc.expand) return [];
        const body = dockerfile.text.slice(heredoc.range.start, heredoc.range.end);
        const at = heredoc.range.start;
        return inText(body, (start, end) => ({ start: at + start, end: at + end }));
      });
      const flags = instruction.flags.flatMap(({ value, range }) => inText(value ?? '', () => range));
      return [...flags, ...words, ...bodies];
    }
    default:
      // CMD and ENTRYPOINT are read when no ARG is there any more.
      return [];
  }
}

/** The same length with what stands in single quotes blanked. */
function unquoted(raw: string): string {
  return raw.includes("'") ? raw.replace(/'[^']*'/g, (quoted) => ' '.repeat(quoted.length)) : raw;
}

function inText(text: string, rangeOf: (start: number, end: number) => Range): readonly AutomaticUse[] {
  if (!text.includes('$')) return [];
  return [...text.matchAll(automaticReference)].flatMap((match) => {
    const { bare, braced, operator } = match.groups ?? {};
    const used = bare ?? braced;
    if (used === undefined) return [];
    const rest = text.slice(match.index + match[0].length);
    if (operator !== undefined && /^:?[-=]$/.test(operator) && !isConstant(rest)) return [];
    return [{ name: used, range: rangeOf(match.index, match.index + match[0].length) }];
  });
}

/** `${TARGETARCH:-amd64}` is amd64 for everyone; a command or another variable knows better. */
function isConstant(operand: string): boolean {
  return /^[^$`}]*\}/.test(operand);
}

/** `RUN ["sh", "-c", "echo $TARGETARCH"]`. */
function inExecForm(instruction: Instruction): readonly AutomaticUse[] {
  if (!instruction.json || !isPosixShell(instruction.args[0] ?? '')) return [];
  return instruction.words.flatMap((word) => inText(word.raw, () => word.range));
}

function inScript({ shell, logical }: Script): readonly AutomaticUse[] {
  const own = assignedNames(shell, logical);
  const inCommands = shell.commands.flatMap((command) => {
    const words: readonly ShellWord[] = [
      ...command.assignments.map(({ value }) => value),
      ...command.words,
      ...command.redirects.map(({ target }) => target),
      ...command.hereDocs.filter(({ quoted }) => !quoted).map(({ body }) => body),
    ];
    return words.flatMap((word) => word.parts.flatMap((part) => inPart(part, own, logical)));
  });
  // Between the commands: the word of a case, [[ … ]], the list of a for.
  const between = inText(blanked(logical.text, shell), (start, end) =>
    sourceRange(logical, start, end),
  ).filter(({ name: used }) => !own.has(used));
  return [...inCommands, ...between].sort((a, b) => a.range.start - b.range.start);
}

/** A text of the same length without comments and what stands inside of commands. */
function blanked(text: string, shell: ShellScript): string {
  const plain = text.replace(/(?<=^|\n|[ \t])#[^\n]*/g, (comment) => ' '.repeat(comment.length));
  const spans = shell.commands
    .map(({ start, end, hereDocs }) => ({
      start,
      end: Math.max(end, ...hereDocs.map(({ body }) => body.end)),
    }))
    .sort((a, b) => a.start - b.start);
  const kept: string[] = [];
  let at = 0;
  for (const { start, end } of spans) {
    if (end <= at) continue;
    kept.push(plain.slice(at, Math.max(at, start)), ' '.repeat(end - Math.max(at, start)));
    at = end;
  }
  return kept.join('') + plain.slice(at);
}

function inPart(part: ShellPart, own: ReadonlySet<string>, logical: LogicalText): readonly AutomaticUse[] {
  if (part.kind !== 'variable' || !automaticArgs.has(part.name) || own.has(part.name)) return [];
  const { operand } = part;
  if (operand?.parts.some(({ kind }) => kind !== 'text')) return [];
  // The range of a part inside quotes that a script of its own came from is right as well.
  return [{ name: part.name, range: sourceRange(logical, part.start, part.end) }];
}

/** What the shell sets itself, or may set by reading a file. */
function assignedNames(shell: ShellScript, logical: LogicalText): ReadonlySet<string> {
  const names = new Set(shell.loopVariables);
  for (const command of shell.commands) {
    for (const { name, value } of command.assignments) {
      // `TARGETARCH=$TARGETARCH make` only hands it on.
      const handsOn = value.parts.some(
        (part) => part.kind === 'variable' && part.name === name && part.plain,
      );
      if (!handsOn) names.add(name);
    }
    // Of other commands, e.g. make, it is an argument.
    for (const word of declares.has(command.name ?? '') ? command.words.slice(1) : []) {
      const declared = /^(\w+)=/.exec(word.text)?.[1];
      if (declared !== undefined && !word.text.includes(`$${declared}`)) names.add(declared);
    }
    const reads = command.name === '.' || command.name === 'source';
    if (reads && !harmless.test(command.words[1]?.text ?? ''))
      for (const arg of automaticArgs) names.add(arg);
  }
  for (const match of logical.text.matchAll(/\$\{(\w+):?=/g)) names.add(match[1] ?? '');
  return names;
}

const declares: ReadonlySet<string> = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
/** Files of the system and of tools, which set nothing of BuildKit's. */
const harmless = /(?:os|lsb)-release|\bnvm\.sh|cargo\/env|bin\/activate|\.(?:bash|z)rc|\/profile\b/;
