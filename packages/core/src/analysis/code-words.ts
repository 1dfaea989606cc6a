import { Attached } from '../attached.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { declarations, isReadAbove } from '../dockerfile/global-arg.ts';
import type { Dockerfile, Instruction, Stage, Word } from '../dockerfile/model.ts';
import { argDefinitions, globalScope, type Scope, scopeAt } from '../dockerfile/scope.ts';
import { isOnArchitecture } from './architecture-condition.ts';
import { addValue, type CodeReading, LazyPart, LazyReading, type PartFile } from './code-reading.ts';
import type { CodeWord, WordRole } from './code-word.ts';
import { guardTables, otherRow, tableStems } from './guard-tables.ts';
import { mapWord, type ValueMap } from './map-word.ts';
import { type Answers, type Given, remembered } from './remembered.ts';
import { scriptWords } from './script-words.ts';
import { readScript, type Script } from './scripts.ts';

export { type CodeReading, noScript, type Trigger } from './code-reading.ts';
export { type CodeWord, rangeOfWord, type WordRole } from './code-word.ts';

const readings: Answers<Dockerfile, CodeReading> = new Attached();

/**
 * Reads the words of all stages that are for the platform which is built, and of the ARGs above them.
 *
 * Left out: stages of Windows, and those whose name or constant platform says that they are for one architecture alone.
 */
export function readCode(dockerfile: Dockerfile, options: Given = {}): CodeReading {
  return remembered(readings, dockerfile, options, () => new CodeReader(dockerfile, options).read());
}

const architectureInName =
  /(?:^|[^a-z0-9])(?:amd64|x86[-_]64|x64|i386|386|arm64|aarch64|arm64v8|arm|armhf|armel|armv[567]\w*|arm32v[567]|riscv64|s390x|ppc64le)(?:[^a-z0-9]|$)/;

/** What only some words have. */
type Named = Partial<Pick<CodeWord, 'name' | 'index'>>;

/** Where a word stands, and for which platform that runs. */
type Place = Pick<CodeWord, 'stage' | 'instruction' | 'buildPlatform'>;

class CodeReader {
  private readonly dockerfile: Dockerfile;
  private readonly options: Given;
  private readonly parts: LazyPart[] = [];
  private readonly file: PartFile;
  private words: CodeWord[] = [];
  private readonly stageOf = new Map<Instruction, Stage>();
  private leavesOut = false;
  /** What a stage hands on to those that are FROM it. */
  private readonly lastShell = new Map<Stage, readonly string[] | undefined>();

  constructor(dockerfile: Dockerfile, options: Given) {
    this.dockerfile = dockerfile;
    this.options = options;
    let stems: ReadonlySet<string> | undefined;
    this.file = {
      declared: this.declaredValues(),
      guard: (words) => {
        stems ??= tableStems(this.rowNames());
        return guardTables(words, stems);
      },
    };
    for (const stage of dockerfile.stages) {
      this.leavesOut ||= isLeftOut(stage);
      for (const instruction of stage.instructions) this.stageOf.set(instruction, stage);
    }
  }

  read(): CodeReading {
    const globals = this.values(globalScope(this.dockerfile, this.options));
    for (const instruction of this.dockerfile.globalArgs) this.args(undefined, instruction, globals, false);
    for (const stage of this.dockerfile.stages) {
      try {
        this.stage(stage);
      } catch {
        // A stage that BuildKit cannot expand has its own error when it is built.
      }
    }
    this.endPart();
    return new LazyReading(this.parts, this.options.thorough ?? false);
  }

  /** What was read since the last script. */
  private endPart(): void {
    const { words } = this;
    if (words.length > 0) this.parts.push(new LazyPart(this.file, undefined, () => words));
    this.words = [];
  }

  /** The names of what is set anywhere, as far as they may be those of a table's rows. */
  private rowNames(): readonly string[] {
    return this.parts.flatMap((part) =>
      part.script && !otherRow.test(part.script.logical.text)
        ? []
        : part.unguarded.flatMap(({ name }) => name ?? []),
    );
  }

  /** Every value that an ENV, an ARG or the build gives a name. */
  private declaredValues(): ReadonlyMap<string, string> {
    const values = new Map<string, string>();
    for (const { keyword, onbuild, words } of this.dockerfile.instructions) {
      if ((onbuild?.keyword ?? keyword) === 'ENV') {
        const pairs = onbuild?.words ?? words;
        for (let index = 0; index + 1 < pairs.length; index += 2)
          addValue(values, pairs[index]?.raw ?? '', pairs[index + 1]?.raw ?? '');
      }
      if (keyword !== 'ARG') continue;
      for (const { raw } of words) {
        const equals = raw.indexOf('=');
        if (equals > 0) addValue(values, raw.slice(0, equals), raw.slice(equals + 1));
      }
    }
    for (const [name, value] of Object.entries(this.options.buildArgs ?? {})) addValue(values, name, value);
    return values;
  }

  private values(scope: Scope): ValueMap {
    return { dockerfile: this.dockerfile, scope, stageOf: this.stageOf };
  }

  private stage(stage: Stage): void {
    const flag = stage.platform?.value;
    const buildPlatform = flag !== undefined && /\bBUILD(?:PLATFORM|OS|ARCH)\b/.test(flag);
    if (isLeftOut(stage)) return;
    let scope: ValueMap | undefined;
    let shell = this.inheritedShell(stage);
    for (const instruction of stage.instructions) {
      scope ??= this.values(scopeAt(this.dockerfile, stage, instruction, this.options));
      this.instruction(stage, instruction, scope, shell, buildPlatform);
      if (instruction.onbuild) this.instruction(stage, instruction.onbuild, scope, shell, buildPlatform);
      if (instruction.keyword === 'SHELL' && instruction.json) shell = instruction.args;
      if (instruction.keyword === 'ENV' || instruction.keyword === 'ARG') scope = undefined;
    }
  }

  private inheritedShell(stage: Stage): readonly string[] | undefined {
    const below: Stage[] = [];
    for (let next = this.baseStage(stage); next && !this.lastShell.has(next); next = this.baseStage(next)) {
      below.push(next);
    }
    for (const item of below.reverse()) {
      const own = item.instructions.findLast(({ keyword, json }) => keyword === 'SHELL' && json);
      const base = own ? undefined : this.baseStage(item);
      this.lastShell.set(item, own?.args ?? (base && this.lastShell.get(base)));
    }
    const base = this.baseStage(stage);
    return base && this.lastShell.get(base);
  }

  private baseStage(stage: Stage): Stage | undefined {
    const base = resolveBase(this.dockerfile, stage, this.options);
    return base.kind === 'stage' ? base.stage : undefined;
  }

  private instruction(
    stage: Stage,
    instruction: Instruction,
    scope: ValueMap,
    shell: readonly string[] | undefined,
    buildPlatform: boolean,
  ): void {
    const at: Place = { stage, instruction, buildPlatform };
    const push = (role: WordRole, word: Word, more: Named = {}): void =>
      this.push(at, role, word, mapWord(word, scope, at), more);
    switch (instruction.keyword) {
      case 'ARG':
        this.args(stage, instruction, scope, buildPlatform);
        break;
      case 'ENV':
      case 'LABEL':
        for (let index = 0; index + 1 < instruction.words.length; index += 2) {
          const name = instruction.words[index]?.raw ?? '';
          const value = instruction.words[index + 1] as Word;
          push(instruction.keyword === 'ENV' ? 'env' : 'label', value, { name });
        }
        break;
      case 'COPY':
      case 'ADD':
        for (const flag of instruction.flags) {
          if (flag.name !== 'checksum' || !flag.valueRange || !flag.valuePieces) continue;
          const raw = flag.value ?? '';
          push('setting', { raw, range: flag.valueRange, pieces: flag.valuePieces }, { name: 'checksum' });
        }
        instruction.words.forEach((word, index) => {
          push(index === instruction.words.length - 1 ? 'destination' : 'source', word, { index });
        });
        break;
      case 'WORKDIR':
      case 'USER':
      case 'VOLUME':
      case 'STOPSIGNAL':
        for (const word of instruction.words) push('setting', word);
        break;
      default:
        this.script(stage, instruction, scope, shell, buildPlatform);
    }
  }

  private args(
    stage: Stage | undefined,
    instruction: Instruction,
    scope: ValueMap,
    buildPlatform: boolean,
  ): void {
    for (const { name, value } of argDefinitions(instruction)) {
      if (!value || (!stage && this.isForOneArchitecture(name))) continue;
      const at: Place = { stage, instruction, buildPlatform };
      this.push(at, 'arg', value, mapWord(value, scope, at), { name });
    }
  }

  /** Nothing but stages for one architecture reads an ARG above the first FROM. */
  private isForOneArchitecture(name: string): boolean {
    if (!this.leavesOut) return false;
    const places = declarations(this.dockerfile, name);
    return (
      places.length > 0 &&
      places.every(({ stage }) => isLeftOut(stage)) &&
      !isReadAbove(this.dockerfile, name)
    );
  }

  /** A word outside of scripts, which no condition guards. */
  private push(at: Place, role: WordRole, { range }: Word, mapped: CodeWord['mapped'], more: Named): void {
    const { stage, instruction, buildPlatform } = at;
    const { name, index } = more;
    const [command, script] = [undefined, undefined];
    this.words.push({
      stage,
      instruction,
      role,
      name,
      command,
      index,
      script,
      mapped,
      place: range,
      guarded: false,
      buildPlatform,
    });
  }

  private script(
    stage: Stage,
    instruction: Instruction,
    scope: ValueMap,
    shell: readonly string[] | undefined,
    buildPlatform: boolean,
  ): void {
    if (instruction.json) {
      const at: Place = { stage, instruction, buildPlatform };
      instruction.words.forEach((word, index) => {
        const text = instruction.args[index] ?? '';
        this.push(at, 'argument', word, jsonText(stage, instruction, word, text), { index });
      });
      return;
    }
    const script = readScript(this.dockerfile, stage, instruction, shell);
    if (!script) return;
    this.endPart();
    this.parts.push(new LazyPart(this.file, script, () => wordsOfScript(script, scope, buildPlatform)));
  }
}

/** Every word has the same fields in the same order: there are many, and engines like them alike. */
function wordsOfScript(script: Script, scope: ValueMap, buildPlatform: boolean): readonly CodeWord[] {
  const { stage, instruction } = script;
  return scriptWords(script, scope).map((item) => ({
    stage,
    instruction,
    role: item.role,
    name: item.name,
    command: item.command,
    index: item.index,
    script,
    mapped: item.mapped,
    place: item.word,
    guarded: isOnArchitecture(item.command.branches),
    buildPlatform,
  }));
}

/** A string of an exec form: nothing is expanded there. */
function jsonText(stage: Stage, instruction: Instruction, word: Word, text: string): CodeWord['mapped'] {
  const exact = word.raw === JSON.stringify(text) && word.raw.length === text.length + 2;
  const source = {
    stage,
    instruction,
    logical: { text: word.raw, pieces: word.pieces },
    from: 1,
    quoting: 'json' as const,
    shell: false,
  };
  return {
    text,
    leaves: [{ start: 0, end: text.length, source: exact ? source : undefined, through: undefined }],
    switched: false,
  };
}

/** Tells whether a stage is for one architecture alone, by its name, or for Windows. */
export function isLeftOut(stage: Stage): boolean {
  return architectureInName.test(stage.name ?? '') || isWindows(stage);
}

function isWindows(stage: Stage): boolean {
  return /windowsservercore|nanoserver|\bwindows\//i.test(stage.base.raw);
}
