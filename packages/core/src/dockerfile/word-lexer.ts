import { MabuildError } from '@mabuild/oci';
import { PatternError, replacePattern, trimPrefix, trimSuffix } from './pattern.ts';

/** Variables and their values, as an instruction sees them. */
export type Environment = Pick<ReadonlyMap<string, string>, 'get'>;

export interface ExpandOptions {
  /** The Dockerfile's escape character. @default '\\' */
  readonly escape?: '\\' | '`' | undefined;
  /** Keep quotes in the result. @default false */
  readonly rawQuotes?: boolean | undefined;
  /** Quotes are characters like any other, as in the body of a COPY heredoc. @default false */
  readonly ignoreQuotes?: boolean | undefined;
  /** Keep escape characters in the result. @default false */
  readonly rawEscapes?: boolean | undefined;
  /** Keep references to variables that are not set. @default false */
  readonly keepUnset?: boolean | undefined;
}

/** Text on its way out, with the raw characters that made it. */
export interface Chunk {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly variable?: string;
  readonly valueStart?: number | undefined;
}

/** What one step of the lexer yields; only `splits` output may break into words. */
export interface Item {
  readonly chunks: readonly Chunk[];
  readonly splits: boolean;
}

/** A text taken apart, and the names that were looked up. */
export interface Lexed {
  readonly items: readonly Item[];
  readonly matched: readonly string[];
  readonly unmatched: readonly string[];
}

interface Lexer {
  readonly raw: string;
  readonly env: Environment;
  readonly escape: string;
  readonly rawQuotes: boolean;
  readonly ignoreQuotes: boolean;
  readonly keepUnset: boolean;
  readonly matched: Set<string>;
  readonly unmatched: Set<string>;
  rawEscapes: boolean;
  at: number;
}

/** An expansion that BuildKit refuses; never leaves this file. */
class LexError extends Error {}

/**
 * Takes a raw text apart: quotes and escapes removed, variables replaced.
 *
 * @throws MabuildError `DOCKERFILE_EXPANSION`.
 */
export function lexWord(raw: string, env: Environment, options: ExpandOptions): Lexed {
  const lexer: Lexer = {
    raw,
    env,
    escape: options.escape ?? '\\',
    rawQuotes: options.rawQuotes ?? false,
    ignoreQuotes: options.ignoreQuotes ?? false,
    rawEscapes: options.rawEscapes ?? false,
    keepUnset: options.keepUnset ?? false,
    matched: new Set(),
    unmatched: new Set(),
    at: 0,
  };
  try {
    const items = readUntil(lexer, undefined, lexer.rawEscapes);
    return { items, matched: [...lexer.matched], unmatched: [...lexer.unmatched] };
  } catch (error) {
    if (!(error instanceof LexError || error instanceof PatternError)) throw error;
    throw new MabuildError(`failed to process ${JSON.stringify(raw)}: ${error.message}`, {
      code: 'DOCKERFILE_EXPANSION',
      cause: error,
    });
  }
}

function peek(lexer: Lexer): string | undefined {
  const code = lexer.raw.codePointAt(lexer.at);
  return code === undefined ? undefined : String.fromCodePoint(code);
}

function next(lexer: Lexer): string | undefined {
  const character = peek(lexer);
  lexer.at += character?.length ?? 0;
  return character;
}

export function textOf(item: Item): string {
  return item.chunks.map((chunk) => chunk.text).join('');
}

function readUntil(lexer: Lexer, stop: string | undefined, rawEscapes: boolean): readonly Item[] {
  const outerRawEscapes = lexer.rawEscapes;
  lexer.rawEscapes = rawEscapes;
  const items: Item[] = [];
  for (let character = peek(lexer); character !== undefined; character = peek(lexer)) {
    if (character === stop) {
      next(lexer);
      lexer.rawEscapes = outerRawEscapes;
      return items;
    }
    const run = plainRun(lexer, stop);
    items.push(run ? { chunks: [run], splits: true } : readItem(lexer, character));
  }
  lexer.rawEscapes = outerRawEscapes;
  if (stop !== undefined) {
    throw new LexError(`unexpected end of statement while looking for matching ${stop}`);
  }
  return items;
}

/** Characters that mean themselves, up to the next that may not. */
function plainRun(lexer: Lexer, stop?: string): Chunk | undefined {
  const { raw, at: from } = lexer;
  let to = from;
  for (; to < raw.length; to += 1) {
    const character = raw[to] as string;
    if (character === lexer.escape || character === stop || '$<"\''.includes(character)) break;
  }
  lexer.at = to;
  return to > from ? { text: raw.slice(from, to), from, to } : undefined;
}

function readItem(lexer: Lexer, character: string): Item {
  if (character === '$') return { chunks: readDollar(lexer), splits: true };
  if (character === "'" && !lexer.ignoreQuotes) return { chunks: readSingleQuote(lexer), splits: false };
  if (character === '"' && !lexer.ignoreQuotes) return { chunks: readDoubleQuote(lexer), splits: false };
  if (character === '<') return { chunks: readAngle(lexer), splits: false };
  const from = lexer.at;
  next(lexer);
  if (character !== lexer.escape) {
    return { chunks: [{ text: character, from, to: lexer.at }], splits: true };
  }
  const escaped = next(lexer);
  const kept = lexer.rawEscapes ? [{ text: character, from, to: from + 1 }] : [];
  if (escaped === undefined) return { chunks: kept, splits: false };
  const first = lexer.at - escaped.length;
  return { chunks: [...kept, { text: escaped, from: first, to: lexer.at }], splits: false };
}

/** `<<` keeps the blanks behind it, so that `<< EOF` stays one word. */
function readAngle(lexer: Lexer): readonly Chunk[] {
  const from = lexer.at;
  next(lexer);
  if (peek(lexer) === '<') {
    next(lexer);
    while ([' ', '\t', '\r'].includes(peek(lexer) ?? '')) next(lexer);
  }
  return [{ text: lexer.raw.slice(from, lexer.at), from, to: lexer.at }];
}

function readSingleQuote(lexer: Lexer): readonly Chunk[] {
  const open = lexer.at;
  const close = lexer.raw.indexOf("'", open + 1);
  if (close < 0) {
    lexer.at = lexer.raw.length;
    throw new LexError('unexpected end of statement while looking for matching single-quote');
  }
  lexer.at = close + 1;
  const from = lexer.rawQuotes ? open : open + 1;
  const to = lexer.rawQuotes ? close + 1 : close;
  return [{ text: lexer.raw.slice(from, to), from, to }];
}

function readDoubleQuote(lexer: Lexer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  const quote = (): void => {
    const from = lexer.at;
    next(lexer);
    if (lexer.rawQuotes) chunks.push({ text: '"', from, to: lexer.at });
  };
  quote();
  for (let character = peek(lexer); character !== undefined; character = peek(lexer)) {
    if (character === '"') {
      quote();
      return chunks;
    }
    if (character === '$') {
      chunks.push(...readDollar(lexer));
      continue;
    }
    const run = plainRun(lexer);
    if (run) {
      chunks.push(run);
      continue;
    }
    const from = lexer.at;
    next(lexer);
    if (character !== lexer.escape) {
      chunks.push({ text: character, from, to: lexer.at });
      continue;
    }
    if (lexer.rawEscapes) chunks.push({ text: character, from, to: lexer.at });
    const escaped = peek(lexer);
    if (escaped === '"' || escaped === '$' || escaped === lexer.escape) {
      next(lexer);
      chunks.push({ text: escaped, from: from + 1, to: lexer.at });
    } else if (escaped !== undefined) {
      chunks.push({ text: character, from, to: lexer.at });
    }
  }
  throw new LexError('unexpected end of statement while looking for matching double-quote');
}

function readDollar(lexer: Lexer): readonly Chunk[] {
  const from = lexer.at;
  next(lexer);
  if (peek(lexer) !== '{') {
    const name = readName(lexer);
    if (name === '') return [{ text: '$', from, to: lexer.at }];
    const value = lookUp(lexer, name);
    if (value === undefined && lexer.keepUnset) return [{ text: `$${name}`, from, to: lexer.at }];
    return valueChunks(name, value ?? '', from, lexer.at, 0);
  }
  next(lexer);
  const first = peek(lexer);
  if (first === undefined) throw new LexError("syntax error: missing '}'");
  if (first === '{' || first === '}' || first === ':') throw new LexError('syntax error: bad substitution');
  return readBraces(lexer, readName(lexer), from);
}

function readBraces(lexer: Lexer, name: string, from: number): readonly Chunk[] {
  let operator = next(lexer);
  if (operator === '}') {
    const value = lookUp(lexer, name);
    if (value === undefined && lexer.keepUnset) return [{ text: `\${${name}}`, from, to: lexer.at }];
    return valueChunks(name, value ?? '', from, lexer.at, 0);
  }
  if (operator === '/') return readReplacement(lexer, name, from);
  const colon = operator === ':';
  if (colon) operator = next(lexer);
  const shown = `${colon ? ':' : ''}${operator ?? '\ufffd'}`;
  if (!colon && !(operator !== undefined && '+-?#%'.includes(operator))) throw unsupported(shown);

  const trims = operator === '#' || operator === '%';
  const inner = readOperand(lexer, '}', trims);
  const word = inner.map((chunk) => chunk.text).join('');
  const value = lookUp(lexer, name);
  if (value === undefined && lexer.keepUnset) {
    return [{ text: `\${${name}${shown}${word}}`, from, to: lexer.at }];
  }
  const missing = value === undefined || (colon && value === '');
  switch (operator) {
    case '-':
      return missing ? inner : valueChunks(name, value, from, lexer.at, 0);
    case '+':
      return missing ? [] : inner;
    case '?':
      if (!missing) return valueChunks(name, value, from, lexer.at, 0);
      throw new LexError(
        `${name}: ${word || (value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty')}`,
      );
    case '#':
    case '%':
      if (colon) throw unsupported(shown);
      return trimmedChunks(name, value ?? '', operator, word, from, lexer.at);
    default:
      throw unsupported(shown);
  }
}

function trimmedChunks(
  name: string,
  value: string,
  operator: '#' | '%',
  word: string,
  from: number,
  to: number,
): readonly Chunk[] {
  const greedy = word.startsWith(operator);
  const pattern = greedy ? word.slice(1) : word;
  try {
    const text = operator === '#' ? trimPrefix(pattern, value, greedy) : trimSuffix(pattern, value, greedy);
    return valueChunks(name, text, from, to, operator === '#' ? value.length - text.length : 0);
  } catch (error) {
    throw badPattern(pattern, error);
  }
}

function readReplacement(lexer: Lexer, name: string, from: number): readonly Chunk[] {
  const all = peek(lexer) === '/';
  if (all) next(lexer);
  const pattern = textOf({ chunks: readOperand(lexer, '/', true), splits: false });
  const replacement = textOf({ chunks: readOperand(lexer, '}', true), splits: false });
  const value = lookUp(lexer, name);
  if (value === undefined && lexer.keepUnset) {
    return [{ text: `\${${name}/${pattern}/${replacement}}`, from, to: lexer.at }];
  }
  try {
    const text = replacePattern(pattern, value ?? '', replacement, all);
    return valueChunks(name, text, from, lexer.at, text === value ? 0 : undefined);
  } catch (error) {
    throw badPattern(pattern, error);
  }
}

function readOperand(lexer: Lexer, stop: '}' | '/', rawEscapes: boolean): readonly Chunk[] {
  try {
    return readUntil(lexer, stop, rawEscapes).flatMap((item) => item.chunks);
  } catch (error) {
    if (error instanceof LexError && peek(lexer) === undefined) {
      throw new LexError(`syntax error: missing '${stop}'${stop === '/' ? ` in \${}` : ''}`);
    }
    throw error;
  }
}

const digit = /^\p{Nd}$/u;
const digits = /\p{Nd}+/uy;
const letters = /[\p{L}\p{Nd}_]+/uy;

/** A name, a number, one special parameter such as `@`, or nothing. */
function readName(lexer: Lexer): string {
  const from = lexer.at;
  const first = peek(lexer);
  if (first === undefined) return '';
  if ('@*#?-$!'.includes(first)) {
    next(lexer);
    return first;
  }
  const allowed = digit.test(first) ? digits : letters;
  allowed.lastIndex = from;
  const [name = ''] = allowed.exec(lexer.raw) ?? [];
  lexer.at += name.length;
  return name;
}

function lookUp(lexer: Lexer, name: string): string | undefined {
  const value = lexer.env.get(name);
  (value === undefined ? lexer.unmatched : lexer.matched).add(name);
  return value;
}

function valueChunks(
  variable: string,
  text: string,
  from: number,
  to: number,
  valueStart: number | undefined,
): readonly Chunk[] {
  return text === '' ? [] : [{ text, from, to, variable, valueStart }];
}

function unsupported(modifier: string): LexError {
  return new LexError(`unsupported modifier (${modifier}) in substitution`);
}

function badPattern(pattern: string, error: unknown): unknown {
  if (!(error instanceof PatternError)) return error;
  return new LexError(`invalid pattern (${pattern}) in substitution: ${error.message}`);
}
