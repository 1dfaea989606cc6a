import {
  ReadError,
  readJsonStrings,
  readPairs,
  type Span,
  type SpanWord,
  splitAtBlanks,
  splitQuoted,
  toWord,
} from './arguments.ts';
import { isSpace, leadingSpace, separator, trimmedEnd } from './characters.ts';
import { readFlags } from './flags.ts';
import { sliceLogical, sourceRange } from './logical.ts';
import type { Instruction, LogicalText } from './model.ts';

/** An instruction as its logical line tells it: what only the lines around it know is missing. */
export interface ReadInstruction
  extends Pick<
    Instruction,
    'keyword' | 'keywordRange' | 'logical' | 'flags' | 'json' | 'args' | 'words' | 'argumentsRange'
  > {
  /** As it is written. */
  readonly name: string;
  readonly onbuild?: ReadInstruction;
}

interface Arguments {
  readonly args: readonly string[];
  readonly words: readonly SpanWord[];
  readonly json?: boolean;
  readonly onbuild?: ReadInstruction;
}

/** Splits a logical line into keyword, flags and arguments as BuildKit's parser does. @throws ReadError. */
export function readInstruction(logical: LogicalText, escaping: string): ReadInstruction {
  const { text } = logical;
  const start = leadingSpace(text);
  const end = trimmedEnd(text, start);
  const gap = separator.exec(text.slice(start, end));
  const nameEnd = gap === null ? end : start + gap.index;
  const name = text.slice(start, nameEnd);
  const flagsStart = gap === null ? end : nameEnd + gap[0].length;
  const { flags, end: flagsEnd } = text.startsWith('--', flagsStart)
    ? readFlags(sliceLogical(logical, 0, end), flagsStart, escaping)
    : { flags: [], end: flagsStart };
  const argsStart = Math.min(flagsEnd + leadingSpace(text.slice(flagsEnd)), end);
  const span = { start: argsStart, end };
  const { args, words, json, onbuild } = readArguments(logical, name.toUpperCase(), span, escaping);
  return {
    name,
    keyword: name.toUpperCase(),
    keywordRange: sourceRange(logical, start, nameEnd),
    logical,
    flags,
    json: json ?? false,
    args,
    words: words.map((word) => toWord(logical, word)),
    argumentsRange: sourceRange(logical, span.start, span.end),
    ...(onbuild ? { onbuild } : {}),
  };
}

function readArguments(logical: LogicalText, keyword: string, span: Span, escaping: string): Arguments {
  const { text } = logical;
  switch (keyword) {
    case 'FROM':
    case 'EXPOSE':
      return plain(blankWords(text, span));
    case 'ADD':
    case 'COPY':
    case 'VOLUME':
      return execForm(text, span) ?? plain(blankWords(text, span));
    case 'RUN':
    case 'CMD':
    case 'ENTRYPOINT':
    case 'SHELL':
      return execForm(text, span) ?? plain(whole(text, span));
    case 'MAINTAINER':
    case 'STOPSIGNAL':
    case 'USER':
    case 'WORKDIR':
      return plain(whole(text, span));
    case 'ENV':
    case 'LABEL':
      return pairs(text, span, escaping, keyword);
    case 'ARG':
      return plain(splitQuoted(text, span, escaping));
    case 'HEALTHCHECK':
      return healthcheck(text, span);
    case 'ONBUILD':
      return span.start === span.end ? plain([]) : trigger(logical, span, escaping);
    default:
      return { args: [''], words: [] };
  }
}

function plain(words: readonly SpanWord[]): Arguments {
  return { args: words.map((word) => word.raw), words };
}

function whole(text: string, span: Span): readonly SpanWord[] {
  const { start, end } = span;
  return start === end ? [] : [{ raw: text.slice(start, end), start, end }];
}

function blankWords(text: string, span: Span): readonly SpanWord[] {
  return span.start === span.end ? [] : splitAtBlanks(text, span);
}

function execForm(text: string, span: Span): Arguments | undefined {
  const read = readJsonStrings(text, span);
  return read && { ...read, json: true };
}

function pairs(text: string, span: Span, escaping: string, keyword: string): Arguments {
  const read = readPairs(text, span, escaping, keyword);
  const args = read.words.flatMap((word, index) =>
    index % 2 === 0 ? [word.raw] : [word.raw, read.separator],
  );
  return { args, words: read.words };
}

/** HEALTHCHECK has a word of its own in front of what CMD has. */
function healthcheck(text: string, span: Span): Arguments {
  let typeEnd = span.start;
  while (typeEnd < span.end && !isSpace(text[typeEnd] as string)) typeEnd += 1;
  if (typeEnd === span.start) return plain([]);
  const type = { raw: text.slice(span.start, typeEnd), start: span.start, end: typeEnd };
  const rest = { start: Math.min(typeEnd + leadingSpace(text.slice(typeEnd)), span.end), end: span.end };
  const command = execForm(text, rest) ?? plain(whole(text, rest));
  return {
    args: [type.raw, ...command.args],
    words: [type, ...command.words],
    ...(command.json ? { json: true } : {}),
  };
}

function trigger(logical: LogicalText, span: Span, escaping: string): Arguments {
  try {
    const onbuild = readInstruction(sliceLogical(logical, span.start, span.end), escaping);
    return { args: [], words: [], onbuild };
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    throw new ReadError(error.message, span.start + error.start, span.start + error.end);
  }
}
