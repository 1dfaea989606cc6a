import { sliceLogical } from '../dockerfile/logical.ts';
import type { ShellCommand, ShellPart, ShellWord } from '../dockerfile/shell-model.ts';
import { isArchitectureCommand, isOnArchitecture, isPlatformVariable } from './architecture-condition.ts';
import type { WordRole } from './code-word.ts';
import { mapVariable, unknownVariable, type ValueMap } from './map-word.ts';
import { joinMapped, type MappedText, noText, type Source, throughReference } from './mapped-text.ts';
import type { Script } from './scripts.ts';

const otherArchitecture = /arm|aarch|i[3456]86|ppc64|s390|riscv/i;

/** A word of a script, expanded. */
export interface ScriptWord {
  readonly role: WordRole;
  readonly name: string | undefined;
  readonly command: ShellCommand;
  readonly index: number | undefined;
  readonly word: ShellWord;
  readonly mapped: MappedText;
}

/** Reads the words of a script in order, with what it has assigned before and the Dockerfile's constants. */
export function scriptWords(script: Script, values: ValueMap): readonly ScriptWord[] {
  const locals = new Map<string, MappedText>();
  for (const name of script.shell.loopVariables) locals.set(name, unknownVariable(name));
  const found: ScriptWord[] = [];
  const map = (word: ShellWord): MappedText =>
    joinMapped(word.parts.map((part) => mapPart(part, script, values, locals)));
  for (const command of script.shell.commands) {
    // A list of several architectures is there for all of them.
    if (command.list && command.words.some(({ text }) => otherArchitecture.test(text))) continue;
    const switching = isOnArchitecture(command.branches);
    const assign = (name: string, value: MappedText): void => {
      // Which of several values counts, only a run can tell.
      const certain =
        (value.switched || !/\$\(|`/.test(value.text)) &&
        command.branches.length === 0 &&
        (!locals.has(name) || !command.nested);
      const switched = switching || value.switched || (locals.get(name)?.switched ?? false);
      locals.set(name, certain && !switching ? value : { ...unknownVariable(name), switched });
    };
    for (const { name, value } of command.assignments) {
      const mapped = map(value);
      found.push({ role: 'assignment', name, command, index: undefined, word: value, mapped });
      // `A=b command` is for that command alone; it may as well be known afterwards, where it is seldom read.
      assign(name, mapped);
    }
    command.words.forEach((word, index) => {
      const mapped = map(word);
      const exported = isDeclaration(command) && index > 0 ? /^(\w+)=/.exec(mapped.text)?.[1] : undefined;
      found.push({ role: 'argument', name: undefined, command, index, word, mapped });
      if (exported !== undefined)
        assign(exported, { ...unknownVariable(exported), switched: mapped.switched });
    });
    const other = { name: undefined, command, index: undefined };
    for (const { target } of command.redirects)
      found.push({ role: 'redirect', ...other, word: target, mapped: map(target) });
    for (const { body, script: isScript } of command.hereDocs)
      if (!isScript) found.push({ role: 'heredoc', ...other, word: body, mapped: map(body) });
  }
  return found;
}

function isDeclaration({ name }: ShellCommand): boolean {
  return name === 'export' || name === 'local' || name === 'readonly' || name === 'declare';
}

/** A text of one leaf. */
function alone(text: string, source: Source | undefined, switched: boolean): MappedText {
  const leaf = { start: 0, end: text.length, source, through: undefined };
  return { text, leaves: [leaf], switched };
}

function mapPart(
  part: ShellPart,
  script: Script,
  values: ValueMap,
  locals: ReadonlyMap<string, MappedText>,
): MappedText {
  const source: Source = {
    stage: script.stage,
    instruction: script.instruction,
    logical: script.logical,
    from: part.start,
    quoting: part.quoting,
    // CMD and ENTRYPOINT run without the ARGs of the build.
    shell: script.when === 'build',
  };
  if (part.kind === 'text') {
    return alone(part.value, part.exact ? source : undefined, false);
  }
  if (part.kind === 'dynamic') {
    return alone(part.text, undefined, isArchitectureCommand(part.text));
  }
  const reference = { ...source, logical: sliceLogical(script.logical, part.start, part.end), from: 0 };
  const local = locals.get(part.name);
  if (local)
    return part.plain
      ? throughReference(local, reference)
      : { ...unknownVariable(part.name), switched: local.switched };
  const isArg = script.when === 'build' || values.scope.get(part.name)?.from === 'env';
  const value = isArg ? mapVariable(part.name, values) : undefined;
  if (value && part.plain) return throughReference(value, reference);
  if (!value && part.operand && !isPlatformVariable(part.name)) {
    const operand = joinMapped(part.operand.parts.map((item) => mapPart(item, script, values, locals)));
    return operand.text === '' ? noText : operand;
  }
  return { ...unknownVariable(part.name), switched: value?.switched ?? isPlatformVariable(part.name) };
}
