import { sourcePieces, sourceRange } from './logical.ts';
import type { Flag, LogicalText } from './model.ts';

const blank = /[\t\n\v\f\r ]/;

/** The flags in front of an instruction's arguments, and where what follows them starts. */
export interface Flags {
  readonly flags: readonly Flag[];
  readonly end: number;
}

/**
 * Reads `--name[=value]` words from `start` on; a lone `--` ends them and is dropped.
 *
 * Quotes and escapes are removed, spaces inside quotes belong to the flag.
 */
export function readFlags(logical: LogicalText, start: number, escaping: string): Flags {
  const { text } = logical;
  const flags: Flag[] = [];
  let at = start;
  for (;;) {
    while (at < text.length && blank.test(text[at] as string)) at += 1;
    if (!text.startsWith('--', at)) return { flags, end: at };
    const word = readFlagWord(text, at, escaping);
    if (word.value === '--') return { flags, end: word.end };
    flags.push(toFlag(logical, at, word));
    at = word.end;
  }
}

interface FlagWord {
  /** Unquoted. */
  readonly value: string;
  readonly end: number;
  /** Where the first `=` stands in the logical text. */
  readonly equals: number | undefined;
}

function readFlagWord(text: string, start: number, escaping: string): FlagWord {
  let value = '';
  let equals: number | undefined;
  let quote: string | undefined;
  let at = start;
  for (; at < text.length; at += 1) {
    let character = text[at] as string;
    if (quote === undefined && blank.test(character)) break;
    if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      continue;
    }
    if (character === quote) {
      quote = undefined;
      continue;
    }
    if (character === escaping) {
      at += 1;
      if (at === text.length) break;
      character = text[at] as string;
    }
    if (character === '=') equals ??= at;
    value += character;
  }
  return { value, end: at, equals };
}

function toFlag(logical: LogicalText, start: number, word: FlagWord): Flag {
  const range = sourceRange(logical, start, word.end);
  const split = word.value.indexOf('=');
  if (split < 0 || word.equals === undefined) {
    return { name: word.value.slice(2), value: undefined, range, valueRange: undefined };
  }
  const value = word.value.slice(split + 1);
  const from = word.equals + 1;
  const plain = logical.text.slice(from, word.end) === value;
  return {
    name: word.value.slice(2, split),
    value,
    range,
    valueRange: sourceRange(logical, from, word.end),
    ...(plain ? { valuePieces: sourcePieces(logical, from, word.end) } : {}),
  };
}
