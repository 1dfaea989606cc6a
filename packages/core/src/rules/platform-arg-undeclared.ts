import { formatPlatform, type Platform, parseReference } from '@mabuild/oci';
import { isLeftOut, readCode } from '../analysis/code-words.ts';
import type { Script } from '../analysis/scripts.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import { sourceRange } from '../dockerfile/logical.ts';
import type { Dockerfile, Instruction, LogicalText, Range, Stage, TextEdit } from '../dockerfile/model.ts';
import { argDefinitions, scopeAt } from '../dockerfile/scope.ts';
import type { ShellPart, ShellScript, ShellWord } from '../dockerfile/shell-model.ts';
import { officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { armPlatforms } from './code-finding.ts';
import { automaticArgs, automaticReference, automaticValues, namesAutomaticArgs } from './platform-arg.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'platform-arg-undeclared';

export const platformArgUndeclared: Rule = {
  name,
  summary: 'TARGETARCH or its kin is read in a stage that does not declare it, and is empty.',
  page: {
    why: 'BuildKit gives TARGETARCH, TARGETPLATFORM and the others only to stages that declare them with ARG. In any other stage they are empty, unless the base image has an ENV of that name (then this is a warning): a test is always false, a download gets a name without its architecture, and often nothing fails.',
    bad: 'FROM alpine\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    good: 'FROM alpine\nARG TARGETARCH\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    silent: [
      'The ARG is declared above in the stage, or in a stage of the file that this one is FROM.',
      'The word stands on a FROM line, or in the default of an ARG above the first FROM.',
      'The shell sets the variable itself, or reads ${TARGETARCH:-$(dpkg --print-architecture)}.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !namesAutomaticArgs(dockerfile.text)) return [];
    const scripts = new Map(
      readCode(dockerfile, context).scripts.map((script) => [script.instruction, script]),
    );
    return dockerfile.stages.flatMap((stage) =>
      isLeftOut(stage) ? [] : stageFindings(dockerfile, context, stage, scripts, platforms),
    );
  },
};

/** A variable that is read, and the text that it stands in. */
interface Use {
  readonly name: string;
  readonly range: Range;
}

function stageFindings(
  dockerfile: Dockerfile,
  context: RuleContext,
  stage: Stage,
  scripts: ReadonlyMap<Instruction, Script>,
  platforms: readonly Platform[],
): readonly Finding[] {
  if (!stage.instructions.some((instruction) => mentions(instruction))) return [];
  const findings: Finding[] = [];
  const told = new Set<string>();
  const names = inheritedNames(dockerfile, context, stage, platforms[0] as Platform);
  // ONBUILD runs in another build: of this stage only ENV is there.
  const onbuildNames = new Set<string>();
  for (const instruction of stage.instructions) {
    const own = instruction.onbuild ?? instruction;
    const isOnbuild = own !== instruction;
    const known = isOnbuild ? onbuildNames : names;
    const uses = mentions(instruction) ? usesOf(dockerfile, own, scripts.get(own)) : [];
    const declared = declaredBy(own);
    for (const use of uses) {
      const before = declared.some(({ name: other, at }) => other === use.name && at < use.range.start);
      const key = `${isOnbuild} ${use.name}`;
      if (known.has(use.name) || (before && own.keyword === 'ARG') || told.has(key)) continue;
      told.add(key);
      const certain = isDeclaredElsewhere(dockerfile, use.name) || !mayBaseSet(dockerfile, context, stage);
      findings.push(finding(dockerfile, instruction, use, platforms, certain));
    }
    for (const { name: other } of declared) {
      known.add(other);
      if (own.keyword === 'ENV') onbuildNames.add(other);
    }
  }
  return findings;
}

function mentions(instruction: Instruction): boolean {
  return automaticMention.test(instruction.logical.text) || instruction.heredocs.length > 0;
}

const automaticMention = /(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)/;

function finding(
  dockerfile: Dockerfile,
  instruction: Instruction,
  use: Use,
  platforms: readonly Platform[],
  certain: boolean,
): Finding {
  const line = `${instruction.onbuild ? 'ONBUILD ' : ''}ARG ${use.name}`;
  const edits: readonly TextEdit[] = [lineAbove(dockerfile, instruction, line)];
  return {
    rule: name,
    severity: certain ? 'error' : 'warning',
    platforms,
    message: `${use.name} is empty for ${platforms.map((platform) => formatPlatform(platform)).join(', ')}${certain ? '' : ', unless the base image sets it'}: nothing above declares it in this stage`,
    hint: `add ${line} before it; an ARG above the first FROM, or in another stage, is not enough`,
    range: use.range,
    fix: 'auto',
    edits,
  };
}

/** Who declares it in another place of the file takes it for a variable of the whole file. */
function isDeclaredElsewhere(dockerfile: Dockerfile, used: string): boolean {
  return dockerfile.instructions.some(
    (instruction) =>
      instruction.keyword === 'ARG' && argDefinitions(instruction).some((item) => item.name === used),
  );
}

/** Official images set none of these; what another image sets with ENV is not known here. */
function mayBaseSet(dockerfile: Dockerfile, context: RuleContext, stage: Stage): boolean {
  try {
    const base = resolveBase(dockerfile, stage, context);
    if (base.kind === 'stage') return mayBaseSet(dockerfile, context, base.stage);
    if (base.kind === 'scratch') return false;
    const reference = parseReference(base.name);
    return officialRepository(readNamespace(reference)?.plain ?? reference) === undefined;
  } catch {
    return true;
  }
}

/** The automatic names that a stage gets from the one that it is FROM. */
function inheritedNames(
  dockerfile: Dockerfile,
  context: RuleContext,
  stage: Stage,
  platform: Platform,
): Set<string> {
  const options = { buildArgs: context.buildArgs, platformArgs: automaticValues(platform) };
  try {
    return new Set(scopeAt(dockerfile, stage, stage.instructions[0], options).keys());
  } catch {
    return new Set(automaticArgs);
  }
}

function declaredBy(instruction: Instruction): readonly { readonly name: string; readonly at: number }[] {
  if (instruction.keyword === 'ARG') {
    return argDefinitions(instruction).map((definition, index) => ({
      name: definition.name,
      at: instruction.words[index]?.range.start ?? 0,
    }));
  }
  if (instruction.keyword !== 'ENV') return [];
  return instruction.words
    .filter((_, index) => index % 2 === 0)
    .map((word) => ({ name: word.raw, at: word.range.start }));
}

function usesOf(
  dockerfile: Dockerfile,
  instruction: Instruction,
  script: Script | undefined,
): readonly Use[] {
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
      return [...words, ...bodies];
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

function inText(text: string, rangeOf: (start: number, end: number) => Range): readonly Use[] {
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
function inExecForm(instruction: Instruction): readonly Use[] {
  if (!instruction.json || !/^(?:.*\/)?(?:ba|da|a|k|z)?sh$/.test(instruction.args[0] ?? '')) return [];
  return instruction.words.flatMap((word) => inText(word.raw, () => word.range));
}

function inScript({ shell, logical }: Script): readonly Use[] {
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
  let rest = text.replace(/(?<=^|\n|[ \t])#[^\n]*/g, (comment) => ' '.repeat(comment.length));
  for (const { start, end, hereDocs } of shell.commands) {
    const last = Math.max(end, ...hereDocs.map(({ body }) => body.end));
    rest = rest.slice(0, start) + ' '.repeat(last - start) + rest.slice(last);
  }
  return rest;
}

function inPart(part: ShellPart, own: ReadonlySet<string>, logical: LogicalText): readonly Use[] {
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
    for (const assignment of command.assignments) names.add(assignment.name);
    for (const word of command.words) {
      const declared = /^(\w+)=/.exec(word.text)?.[1];
      if (declared !== undefined) names.add(declared);
    }
    if (command.name === '.' || command.name === 'source') for (const arg of automaticArgs) names.add(arg);
  }
  for (const match of logical.text.matchAll(/\$\{(\w+):?=/g)) names.add(match[1] ?? '');
  return names;
}
