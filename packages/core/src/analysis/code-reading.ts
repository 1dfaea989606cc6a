import type { CodeWord } from './code-word.ts';
import type { Script } from './scripts.ts';

/** Tells by the text of an instruction whether there can be something in it: a pattern, or a look into a table. */
export type Trigger = Pick<RegExp, 'test'>;

/** For what scripts say nothing about. */
export const noScript: Trigger = { test: () => false };

/** What one instruction says. */
export interface CodePart {
  /** `undefined` outside of scripts: such words are few, and may be about anything. */
  readonly script: Script | undefined;
  readonly words: readonly CodeWord[];
}

/** Everything that the code of a Dockerfile says, in the order of the file; a script is parsed when it is asked for. */
export interface CodeReading {
  readonly words: readonly CodeWord[];
  readonly scripts: readonly Script[];
  /** The scripts that may hold what a trigger looks for. */
  scriptsAbout(trigger: Trigger): readonly Script[];
  /** The instructions that may hold what a trigger looks for. */
  partsAbout(trigger: Trigger): readonly CodePart[];
  /** Their words. */
  wordsAbout(trigger: Trigger): readonly CodeWord[];
}

/** What a trigger is about. */
interface About {
  readonly parts: readonly CodePart[];
  words?: readonly CodeWord[];
}

/** A class, as an object with a getter of its own has a shape of its own too, which outlives young collections. */
export class LazyReading implements CodeReading {
  readonly scripts: readonly Script[];
  readonly #parts: readonly LazyPart[];
  readonly #thorough: boolean;
  readonly #about = new Map<Trigger, About>();
  #words: readonly CodeWord[] | undefined;

  /** @param thorough every trigger is about everything */
  constructor(parts: readonly LazyPart[], thorough: boolean) {
    this.#parts = parts;
    this.#thorough = thorough;
    this.scripts = scriptsOf(parts);
  }

  get words(): readonly CodeWord[] {
    this.#words ??= wordsOf(this.#parts);
    return this.#words;
  }

  scriptsAbout(trigger: Trigger): readonly Script[] {
    return scriptsOf(this.partsAbout(trigger));
  }

  partsAbout(trigger: Trigger): readonly CodePart[] {
    return this.#lookUp(trigger).parts;
  }

  wordsAbout(trigger: Trigger): readonly CodeWord[] {
    const about = this.#lookUp(trigger);
    about.words ??= wordsOf(about.parts);
    return about.words;
  }

  #lookUp(trigger: Trigger): About {
    let about = this.#about.get(trigger);
    if (!about) {
      about = { parts: this.#thorough ? this.#parts : this.#parts.filter((part) => part.mayHold(trigger)) };
      this.#about.set(trigger, about);
    }
    return about;
  }
}

/** What all parts of a file have in common. */
export interface PartFile {
  /** The values that an ENV, an ARG or the build gives a name. */
  readonly declared: ReadonlyMap<string, string>;
  /** Marks rows of tables, which the whole file tells. */
  guard(words: readonly CodeWord[]): readonly CodeWord[];
}

/** An instruction whose words are read when they are asked for. */
export class LazyPart implements CodePart {
  readonly script: Script | undefined;
  readonly #file: PartFile;
  readonly #read: () => readonly CodeWord[];
  #unguarded: readonly CodeWord[] | undefined;
  #words: readonly CodeWord[] | undefined;
  #text: string | undefined;

  constructor(file: PartFile, script: Script | undefined, read: () => readonly CodeWord[]) {
    this.#file = file;
    this.script = script;
    this.#read = read;
  }

  /** Before it is known which are rows of tables. */
  get unguarded(): readonly CodeWord[] {
    this.#unguarded ??= this.#read();
    return this.#unguarded;
  }

  get words(): readonly CodeWord[] {
    this.#words ??= this.#file.guard(this.unguarded);
    return this.#words;
  }

  /** Tells whether it may hold what a trigger looks for: as it is written, or with its variables' values in their places. */
  mayHold(trigger: Trigger): boolean {
    if (!this.script) return true;
    const written = this.script.logical.text;
    if (trigger.test(written)) return true;
    if (!written.includes('$')) return false;
    this.#text ??= withValues(written, this.#file.declared);
    return this.#text !== written && trigger.test(this.#text);
  }
}

function scriptsOf(parts: readonly CodePart[]): readonly Script[] {
  return parts.flatMap(({ script }) => script ?? []);
}

function wordsOf(parts: readonly CodePart[]): readonly CodeWord[] {
  return parts.flatMap((part) => part.words);
}

const assignment = /(?<![\w$])(\w+)=("[^"]*"|'[^']*'|[^\s;&|)]*)/g;
const reference = /\$\{?(\w+)[^\s}"'/]*\}?/g;
/** How deep variables of variables are followed, and how long a text may get by that. */
const deepest = 3;
const longest = 1 << 18;

/** Puts the values of variables, those of the file's and the script's own, into the places where a script reads them. */
function withValues(written: string, declared: ReadonlyMap<string, string>): string {
  const own = new Map<string, string>();
  for (const [, name = '', value = ''] of written.matchAll(assignment)) addValue(own, name, value);
  if (own.size === 0 && declared.size === 0) return written;
  let text = written;
  for (let depth = 0; depth < deepest && text.length < longest; depth += 1) {
    const next = text.replace(reference, (whole, name: string) => {
      const values = [own.get(name), declared.get(name)].filter((value) => value !== undefined);
      return values.length === 0 ? whole : values.join(' ');
    });
    if (next === text) break;
    text = next;
  }
  return text;
}

/** One more of the values that a variable may have. */
export function addValue(values: Map<string, string>, name: string, value: string): void {
  const plain = value.replace(/^(["'])(.*)\1$/s, '$2');
  const before = values.get(name);
  values.set(name, before === undefined ? plain : `${before} ${plain}`);
}
