import { isSpace } from './characters.ts';
import { type Chunk, type Environment, type ExpandOptions, lexWord, textOf } from './word-lexer.ts';

export type { Environment, ExpandOptions } from './word-lexer.ts';

/** A part of an expanded word and where it comes from. */
export interface Segment {
  /** In the expanded text. */
  readonly start: number;
  readonly end: number;
  /** In the raw word: characters of the same count for a literal, the whole `${…}` for a variable's value. */
  readonly rawStart: number;
  readonly rawEnd: number;
  /** Whose value this is; `undefined` for what stands in the word itself. */
  readonly variable: string | undefined;
  /** Where in the variable's value the segment starts; `undefined` when the value was rewritten by `/pattern/`. */
  readonly valueStart: number | undefined;
}

export interface Expansion {
  readonly text: string;
  /** In order; together they are the whole text. */
  readonly segments: readonly Segment[];
  /** Names that were looked up and found. */
  readonly matched: readonly string[];
  /** Names that were looked up and are not set. */
  readonly unmatched: readonly string[];
}

/**
 * Expands quotes, escapes and variables of one raw word as BuildKit does.
 *
 * @throws MabuildError `DOCKERFILE_EXPANSION` for broken quotes, unknown modifiers and `${NAME:?message}`.
 */
export function expandWord(raw: string, env: Environment, options: ExpandOptions = {}): Expansion {
  if (raw !== '' && !special.test(raw)) return unchanged(raw);
  const { items, matched, unmatched } = lexWord(raw, env, options);
  const segments = toSegments(
    items.flatMap((item) => item.chunks),
    raw,
  );
  return {
    text: items.map(textOf).join(''),
    segments,
    matched,
    unmatched,
  };
}

/** Most words have nothing to expand: neither a quote, an escape of either kind, nor a variable. */
const special = /[$'"\\`]/;
const none: readonly string[] = [];

/** Written out, as copies by `...` take longer than all of the rest. */
function unchanged(raw: string): Expansion {
  const end = raw.length;
  const segment = { start: 0, end, rawStart: 0, rawEnd: end, variable: undefined, valueStart: undefined };
  return { text: raw, segments: [segment], matched: none, unmatched: none };
}

/**
 * Expands a text and splits it at unquoted spaces, those inside variables' values included.
 *
 * @throws MabuildError `DOCKERFILE_EXPANSION`.
 */
export function expandWords(raw: string, env: Environment, options: ExpandOptions = {}): readonly string[] {
  const words: string[] = [];
  let word = '';
  let inWord = false;
  for (const item of lexWord(raw, env, options).items) {
    if (!item.splits) {
      word += textOf(item);
      inWord = true;
      continue;
    }
    for (const character of textOf(item)) {
      if (!isSpace(character)) {
        word += character;
        inWord = true;
      } else if (inWord && word !== '') {
        words.push(word);
        word = '';
        inWord = false;
      }
    }
  }
  if (word !== '') words.push(word);
  return words;
}

function toSegments(chunks: readonly Chunk[], raw: string): readonly Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  for (const chunk of chunks) {
    const end = at + chunk.text.length;
    const last = segments.at(-1);
    const literal = chunk.variable === undefined && raw.slice(chunk.from, chunk.to) === chunk.text;
    if (literal && last !== undefined && isLiteral(last) && last.rawEnd === chunk.from) {
      segments[segments.length - 1] = { ...last, end, rawEnd: chunk.to };
    } else if (chunk.text !== '') {
      segments.push({
        start: at,
        end,
        rawStart: chunk.from,
        rawEnd: chunk.to,
        variable: chunk.variable,
        valueStart: chunk.variable === undefined ? undefined : chunk.valueStart,
      });
    }
    at = end;
  }
  return segments;
}

/** Tells whether each character of a segment is one character of the raw word. */
export function isLiteral(segment: Segment): boolean {
  return segment.variable === undefined && segment.rawEnd - segment.rawStart === segment.end - segment.start;
}
