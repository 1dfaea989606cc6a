import { isSpace, separator } from './characters.ts';
import { sourcePieces, sourceRange } from './logical.ts';
import type { LogicalText, Word } from './model.ts';

/** A refusal by BuildKit's parser, with the span of the logical text that it is about. */
export class ReadError extends Error {
  readonly start: number;
  readonly end: number;

  constructor(message: string, start: number, end: number) {
    super(message);
    this.start = start;
    this.end = end;
  }
}

/** A span of a logical text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A span and what BuildKit makes of it. */
export interface SpanWord extends Span {
  readonly raw: string;
}

export function toWord(logical: LogicalText, word: SpanWord): Word {
  return {
    raw: word.raw,
    range: sourceRange(logical, word.start, word.end),
    pieces: sourcePieces(logical, word.start, word.end),
  };
}

/** Words separated by blanks alone: FROM, COPY, ADD, EXPOSE, VOLUME. */
export function splitAtBlanks(text: string, span: Span): readonly SpanWord[] {
  const words: SpanWord[] = [];
  let at = span.start;
  for (const raw of text.slice(span.start, span.end).split(separator)) {
    const start = raw === '' ? at : text.indexOf(raw, at);
    words.push({ raw, start, end: start + raw.length });
    at = start + raw.length;
  }
  return words;
}

/** Words whose quotes and escapes protect spaces and are kept: ENV, LABEL, ARG. */
export function splitQuoted(text: string, span: Span, escaping: string): readonly SpanWord[] {
  const words: SpanWord[] = [];
  let at = span.start;
  while (at < span.end) {
    if (isSpace(text[at] as string)) {
      at += 1;
      continue;
    }
    const word = readQuotedWord(text, at, span.end, escaping);
    if (word.raw !== '') words.push(word);
    at = word.end;
  }
  return words;
}

function readQuotedWord(text: string, start: number, limit: number, escaping: string): SpanWord {
  let raw = '';
  let quote: string | undefined;
  let at = start;
  for (; at < limit; at += 1) {
    const character = text[at] as string;
    if (quote === undefined && isSpace(character)) break;
    if (character === escaping && quote !== "'") {
      // An escape at the very end is dropped.
      if (at + 1 === limit) continue;
      raw += character + text[at + 1];
      at += 1;
      continue;
    }
    if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = undefined;
    raw += character;
  }
  return { raw, start, end: at };
}

/** `name=value` pairs, or the old `name value`; names and values alternate. */
export function readPairs(
  text: string,
  span: Span,
  escaping: string,
  keyword: string,
): { words: readonly SpanWord[]; separator: '=' | '' } {
  const words = splitQuoted(text, span, escaping);
  const first = words[0];
  if (first === undefined) return { words: [], separator: '=' };
  if (!first.raw.includes('=')) {
    const blank = separator.exec(text.slice(span.start, span.end));
    if (blank === null) throw new ReadError(`${keyword} must have two arguments`, span.start, span.end);
    const nameEnd = span.start + blank.index;
    const valueStart = nameEnd + blank[0].length;
    return {
      words: [
        { raw: text.slice(span.start, nameEnd), start: span.start, end: nameEnd },
        { raw: text.slice(valueStart, span.end), start: valueStart, end: span.end },
      ],
      separator: '',
    };
  }
  const pairs = words.flatMap((word) => {
    const equals = word.raw.indexOf('=');
    if (equals < 0) {
      const message = `Syntax error - can't find = in ${JSON.stringify(word.raw)}. Must be of the form: name=value`;
      throw new ReadError(message, word.start, word.end);
    }
    const split = word.start + equals;
    return [
      { raw: word.raw.slice(0, equals), start: word.start, end: split },
      { raw: word.raw.slice(equals + 1), start: split + 1, end: word.end },
    ];
  });
  return { words: pairs, separator: '=' };
}

const jsonString = /"(?:[^"\\]|\\.)*"/g;

/** The strings of an exec form with their decoded values; `undefined` when BuildKit takes it for a shell form. */
export function readJsonStrings(
  text: string,
  span: Span,
): { args: readonly string[]; words: readonly SpanWord[] } | undefined {
  const source = text.slice(span.start, span.end);
  if (!source.startsWith('[')) return undefined;
  let values: unknown;
  try {
    values = JSON.parse(source);
  } catch {
    return undefined;
  }
  if (!Array.isArray(values)) return undefined;
  if (!values.every((value) => typeof value === 'string')) {
    const message = 'when using JSON array syntax, arrays must be comprised of strings only';
    throw new ReadError(message, span.start, span.end);
  }
  const words = [...source.matchAll(jsonString)].map((match) => {
    const start = span.start + match.index;
    return { raw: match[0], start, end: start + match[0].length };
  });
  return { args: values, words };
}
