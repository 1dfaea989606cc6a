import { Attached } from '../attached.ts';
import type { Instruction, Stage } from '../dockerfile/model.ts';
import type { ShellCommand } from '../dockerfile/shell-model.ts';
import { type InstallSyntax, installSyntaxes, type PackageManager } from '../knowledge/install-options.ts';
import type { CodePart, CodeReading, Trigger } from './code-reading.ts';
import type { CodeWord } from './code-words.ts';
import { type PackageSpec, readPackageSpec } from './package-spec.ts';
import type { Script } from './scripts.ts';
import { shellWordOf } from './word-parts.ts';

export type { PackageManager } from '../knowledge/install-options.ts';

/** One package that a command installs; offsets are those of the text of `word`. */
export interface InstallOperand extends PackageSpec {
  readonly manager: PackageManager;
  readonly word: CodeWord;
  readonly installation: Installation;
}

/** A command that installs packages. */
export interface Installation {
  readonly manager: PackageManager;
  /** The program's name, e.g. `apt-get`. */
  readonly program: string;
  readonly stage: Stage | undefined;
  readonly instruction: Instruction;
  /** Every word of the command, in order. */
  readonly words: readonly CodeWord[];
  /** Options with their values, as they are read: `['-r', 'requirements.txt']`. */
  readonly options: readonly (readonly [option: string, value: string | undefined])[];
  readonly operands: readonly InstallOperand[];
}

const known = new Attached<CodePart, readonly Installation[]>();

/** Says nothing about what is installed. */
const anything: Trigger = { test: () => true };

/**
 * The commands of a Dockerfile that install packages, in the order of the file.
 *
 * @param about which of its scripts are looked into
 */
export function installationsOf(reading: CodeReading, about: Trigger = anything): readonly Installation[] {
  return reading.partsAbout(about).flatMap((part) => {
    const installations = known.get(part) ?? readInstallations(part);
    known.set(part, installations);
    return installations;
  });
}

/** Every package that a Dockerfile's commands install by name. */
export function installOperands(reading: CodeReading, about: Trigger = anything): readonly InstallOperand[] {
  return installationsOf(reading, about).flatMap(({ operands }) => operands);
}

function readInstallations({ words }: CodePart): readonly Installation[] {
  const lists = new Lists(words);
  return [...commandsOf(words)].flatMap((command) => readInstallation(command, lists));
}

function commandsOf(words: readonly CodeWord[]): Iterable<readonly CodeWord[]> {
  const commands = new Map<object, CodeWord[]>();
  for (const word of words) {
    if (word.role !== 'argument' || word.instruction.keyword !== 'RUN') continue;
    const key = word.command ?? word.instruction;
    const command = commands.get(key);
    if (command) command.push(word);
    else commands.set(key, [word]);
  }
  return commands.values();
}

/** Programs that run another one. */
const wrappers: ReadonlySet<string> = new Set([
  'sudo',
  'env',
  'command',
  'exec',
  'eval',
  'nice',
  'ionice',
  'time',
  'timeout',
  'eatmydata',
  'xargs',
  'retry',
  'yes',
  'gosu',
  'su-exec',
  'poetry',
  'pipenv',
  'uv',
  'run',
  'scl',
  'corepack',
  'bash',
  'sh',
]);

function readInstallation(words: readonly CodeWord[], lists: Lists): readonly Installation[] {
  const start = findProgram(words);
  if (!start) return [];
  const { syntax, at, program } = start;
  const options: [string, string | undefined][] = [];
  const operands: CodeWord[] = [];
  let verb = false;
  for (let index = at; index < words.length; index += 1) {
    const word = words[index] as CodeWord;
    const { text } = word.mapped;
    if (text.startsWith('-') && text !== '-') {
      // What follows `--` is for a gem's own build, and operands for all others.
      if (text === '--') {
        if (syntax.manager === 'gem') break;
        continue;
      }
      const equals = text.indexOf('=');
      if (equals > 0) options.push([text.slice(0, equals), text.slice(equals + 1)]);
      else if (syntax.valued.has(text)) {
        options.push([text, words[index + 1]?.mapped.text]);
        index += 1;
      } else options.push([text, undefined]);
    } else if (!verb) {
      // `yarn global add`, `zypper --non-interactive in`.
      if (text === 'global' && syntax.manager === 'npm') continue;
      if (!syntax.verbs.has(text)) return [];
      verb = true;
    } else operands.push(...(lists.of(word) ?? [word]));
  }
  if (!verb) return [];
  const [first] = words as [CodeWord, ...CodeWord[]];
  const installation = {
    manager: syntax.manager,
    program,
    stage: first.stage,
    instruction: first.instruction,
    words,
    options,
    operands: [] as InstallOperand[],
  };
  for (const word of operands) {
    for (const { start: from, end } of itemsOf(word)) {
      const spec = readPackageSpec(syntax.manager, word.mapped.text.slice(from, end), from);
      if (spec) installation.operands.push(operandOf(spec, word, installation));
    }
  }
  return [installation];
}

/** A word that is one variable, all of it: `$p`, `"${packages[@]}"`. */
const oneVariable = /^"?\$(?:(\w+)|\{(\w+)(?:\[[@*]\])?\})"?$/;

/** The words of `for p in …` and of arrays, by the script and the variable. */
class Lists {
  private readonly byScript = new Map<Script, Map<string, readonly CodeWord[] | undefined>>();

  constructor(words: readonly CodeWord[]) {
    const byCommand = new Map<ShellCommand, CodeWord[]>();
    for (const word of words) {
      if (!word.script || !word.command?.list) continue;
      const found = byCommand.get(word.command);
      if (found) found.push(word);
      else byCommand.set(word.command, [word]);
    }
    for (const [name, ...items] of byCommand.values()) {
      if (!name?.script) continue;
      const own = this.byScript.get(name.script) ?? new Map<string, readonly CodeWord[] | undefined>();
      this.byScript.set(name.script, own);
      // Which of two lists counts, only a run can tell.
      const key = shellWordOf(name)?.text ?? '';
      own.set(key, own.has(key) ? undefined : items);
    }
  }

  /** The words that a variable stands for; `undefined` for any other word. */
  of(word: CodeWord): readonly CodeWord[] | undefined {
    const lists = word.script && this.byScript.get(word.script);
    if (!lists) return undefined;
    const [, short, long] = oneVariable.exec(shellWordOf(word)?.text ?? '') ?? [];
    const items = lists.get(short ?? long ?? '');
    // What runs on some platforms only is not what the list is written for.
    return word.guarded ? undefined : items;
  }
}

/** Written out: there are many, and copies by `...` are slow. */
function operandOf(spec: PackageSpec, word: CodeWord, installation: Installation): InstallOperand {
  const { text, start, end, name, version, architecture } = spec;
  const { manager } = installation;
  return { text, start, end, name, version, architecture, manager, word, installation };
}

/** The package manager of a command, and where its own words begin. */
function findProgram(
  words: readonly CodeWord[],
): { readonly syntax: InstallSyntax; readonly program: string; readonly at: number } | undefined {
  for (let index = 0; index < Math.min(words.length, 8); index += 1) {
    const text = words[index]?.mapped.text ?? '';
    const base = text.slice(text.lastIndexOf('/') + 1);
    const program = base.startsWith('pip') && /^pip[23]?(?:\.\d+)?$/.test(base) ? 'pip' : base;
    if (Object.hasOwn(installSyntaxes, program)) {
      return { syntax: installSyntaxes[program] as InstallSyntax, program: base, at: index + 1 };
    }
    if (base.startsWith('py') && /^(?:python|pypy)[\d.]*$/.test(base)) {
      const module = words.findIndex((word, place) => place > index && word.mapped.text === '-m');
      if (module < 0 || words[module + 1]?.mapped.text !== 'pip') return undefined;
      return { syntax: installSyntaxes.pip as InstallSyntax, program: 'pip', at: module + 2 };
    }
    const passes =
      wrappers.has(base) || text.startsWith('-') || /^\w+=/.test(text) || /^[\d.]+[smh]?$/.test(text);
    // The user of `gosu user` and its kin.
    const isUser = /^(?:gosu|su-exec)$/.test(words[index - 1]?.mapped.text ?? '');
    if (!passes && !isUser) return undefined;
  }
  return undefined;
}

/** The items of a word: one, or several when a variable holds a list; what only a run can tell is left out. */
function itemsOf({ mapped }: CodeWord): readonly { readonly start: number; readonly end: number }[] {
  let { text } = mapped;
  for (const leaf of mapped.leaves) {
    if (leaf.source || !/[$`]/.test(text.slice(leaf.start, leaf.end))) continue;
    text = text.slice(0, leaf.start) + '$'.repeat(leaf.end - leaf.start) + text.slice(leaf.end);
  }
  return [...text.matchAll(/[^\s]+/g)].flatMap((match) => {
    const item = match[0];
    if (item.includes('$') || item.includes('`') || item.startsWith('-') || item === '\\') return [];
    return [{ start: match.index, end: match.index + item.length }];
  });
}
