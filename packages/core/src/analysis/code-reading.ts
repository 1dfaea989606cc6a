import type { CodeWord } from './code-word.ts';
import type { Script } from './scripts.ts';

/** Tells by the text of an instruction whether there can be something in it: a pattern, or a look into a table. */
export type Trigger = Pick<RegExp, 'test'>;

/** What one instruction says. */
export interface CodePart {
  /** `undefined` outside of scripts: such words are few, and belong to what is said about anything. */
  readonly text: ReachedText | undefined;
  readonly script: Script | undefined;
  readonly words: readonly CodeWord[];
}

/** A script as it is written, and as it reads with its variables' values in their places. */
export interface ReachedText {
  readonly written: string;
  readonly read: string;
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

/** A reading of parts, each of which is read when it is needed. */
export function readingOf(
  parts: readonly CodePart[],
  { thorough = false }: { readonly thorough?: boolean | undefined } = {},
): CodeReading {
  const about = new Map<Trigger, { readonly parts: readonly CodePart[]; words?: readonly CodeWord[] }>();
  let words: readonly CodeWord[] | undefined;
  const lookUp = (trigger: Trigger): { readonly parts: readonly CodePart[]; words?: readonly CodeWord[] } => {
    let known = about.get(trigger);
    if (!known) {
      known = { parts: parts.filter(({ text }) => thorough || text === undefined || mayHold(text, trigger)) };
      about.set(trigger, known);
    }
    return known;
  };
  return {
    scripts: scriptsOf(parts),
    get words() {
      words ??= wordsOf(parts);
      return words;
    },
    scriptsAbout: (trigger) => scriptsOf(lookUp(trigger).parts),
    partsAbout: (trigger) => lookUp(trigger).parts,
    wordsAbout(trigger) {
      const known = lookUp(trigger);
      known.words ??= wordsOf(known.parts);
      return known.words;
    },
  };
}

/** Tells whether a script may hold what a trigger looks for. */
export function mayHold(text: ReachedText, trigger: Trigger): boolean {
  return trigger.test(text.written) || (text.read !== text.written && trigger.test(text.read));
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
export function reachedText(written: string, declared: ReadonlyMap<string, string>): ReachedText {
  let read: string | undefined;
  return {
    written,
    get read() {
      read ??= written.includes('$') ? withValues(written, declared) : written;
      return read;
    },
  };
}

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
