import { isMabuildError } from '@mabuild/oci';
import { ReadError } from './arguments.ts';
import { endBefore, leadingSpace } from './characters.ts';
import { readDirective } from './directives.ts';
import { readHeredocMarks } from './heredoc.ts';
import { type ReadInstruction, readInstruction } from './instruction.ts';
import { dockerfileError, type Source } from './location.ts';
import { sourceRange } from './logical.ts';
import type { Directive, Heredoc, Range } from './model.ts';

/** What a physical line is to BuildKit. */
export type LineKind = 'blank' | 'comment' | 'directive' | 'instruction' | 'inner-comment' | 'heredoc';

/** A physical line without its line feed; a byte order mark belongs to no line. */
export interface Line extends Range {
  readonly kind: LineKind;
}

export interface ScannedInstruction {
  readonly read: ReadInstruction;
  readonly startLine: number;
  readonly endLine: number;
  /** The end of the last line, without its line end. */
  readonly end: number;
  readonly heredocs: readonly Heredoc[];
  readonly comments: readonly string[];
}

/** What BuildKit's parser sees in a Dockerfile, line by line. */
export interface Scan {
  readonly escape: '\\' | '`';
  readonly directives: readonly Directive[];
  readonly instructions: readonly ScannedInstruction[];
  readonly lines: readonly Line[];
  readonly warnings: readonly string[];
}

/** Longest physical line that BuildKit reads, in bytes. */
const longestLine = 65535;

/** What the scan knows while it goes on. */
interface State {
  readonly source: Source;
  readonly lines: readonly Range[];
  readonly kinds: LineKind[];
  readonly directives: Directive[];
  readonly instructions: ScannedInstruction[];
  readonly warnings: string[];
  escape: '\\' | '`';
  directivesDone: boolean;
  comments: string[];
  at: number;
}

/**
 * Reads a text line by line as BuildKit does: directives, comments, continuations, heredocs.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX` for what BuildKit's parser refuses.
 */
export function scanDockerfile(source: Source): Scan {
  const state: State = {
    source,
    lines: physicalLines(source),
    kinds: [],
    directives: [],
    instructions: [],
    warnings: [],
    escape: '\\',
    directivesDone: false,
    comments: [],
    at: 0,
  };
  while (state.at < state.lines.length) scanLine(state);
  if (state.instructions.length === 0) {
    throw dockerfileError(
      source,
      { start: 0, end: 0 },
      'file with no instructions',
      'a Dockerfile starts with FROM, e.g. FROM busybox',
    );
  }
  return {
    escape: state.escape,
    directives: withShebang(state),
    instructions: state.instructions,
    lines: state.lines.map(({ start, end }, index) => ({ start, end, kind: state.kinds[index] ?? 'blank' })),
    warnings: state.warnings,
  };
}

function physicalLines(source: Source): readonly Range[] {
  const { text } = source;
  const lines: Range[] = [];
  let start = text.startsWith('\ufeff') ? 1 : 0;
  while (start < text.length) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    if ((end - start) * 3 > longestLine && Buffer.byteLength(text.slice(start, end)) > longestLine) {
      throw dockerfileError(
        source,
        { start, end: start + 1 },
        `dockerfile line greater than max allowed size of ${longestLine}`,
        'break the line with continuations, or put the content into a file and COPY it',
      );
    }
    lines.push({ start, end });
    start = end + 1;
  }
  return lines;
}

/** A line as BuildKit sees it: without any carriage returns at its end. */
function lineText(state: State, index: number): string {
  const line = state.lines[index] as Range;
  const text = state.source.text.slice(line.start, line.end);
  return text.endsWith('\r') ? text.slice(0, endBefore(text, '\r')) : text;
}

function scanLine(state: State): void {
  const index = state.at;
  state.at += 1;
  const full = lineText(state, index);
  const indent = leadingSpace(full);
  const text = full.slice(indent);
  const start = (state.lines[index] as Range).start + indent;
  if (isDirective(state, text, { start, end: start + text.length })) {
    state.kinds[index] = 'directive';
    return;
  }
  if (text.startsWith('#')) {
    state.kinds[index] = 'comment';
    const comment = text.slice(1).trim();
    state.comments = comment === '' ? [] : [...state.comments, comment];
    return;
  }
  if (text === '') return;
  scanInstruction(state, index, text, start);
}

function isDirective(state: State, text: string, range: Range): boolean {
  if (state.directivesDone) return false;
  const directive = readDirective(text);
  if (directive === undefined) {
    state.directivesDone = true;
    return false;
  }
  const { name, value } = directive;
  if (state.directives.some((other) => other.name === name)) {
    throw dockerfileError(state.source, range, `only one ${name} parser directive can be used`);
  }
  if (name === 'escape') {
    if (value !== '\\' && value !== '`') {
      throw dockerfileError(state.source, range, `invalid escape token '${value}' does not match \` or \\`);
    }
    state.escape = value;
  }
  state.directives.push({ name, value, range });
  return true;
}

function scanInstruction(state: State, first: number, text: string, start: number): void {
  const pieces: Range[] = [];
  let line = '';
  const add = (content: string, from: number): boolean => {
    const end = continuationStart(content, state.escape);
    const piece = content.slice(0, end);
    line += piece;
    if (piece !== '') pieces.push({ start: from, end: from + piece.length });
    return end !== undefined;
  };
  state.kinds[first] = 'instruction';
  let continues = add(text, start);
  let hasEmptyLine = false;
  while (continues && state.at < state.lines.length) {
    const index = state.at;
    state.at += 1;
    const content = lineText(state, index);
    const indent = leadingSpace(content);
    if (content[indent] === '#') {
      state.kinds[index] = 'inner-comment';
    } else if (indent === content.length) {
      state.kinds[index] = 'blank';
      hasEmptyLine = true;
    } else {
      state.kinds[index] = 'instruction';
      continues = add(content, (state.lines[index] as Range).start);
    }
  }
  if (hasEmptyLine) state.warnings.push(`Empty continuation line found in: ${line}`);
  if (pieces.length === 0) pieces.push({ start, end: start });

  const read = readLine(state, { text: line, pieces });
  const heredocs = takesHeredocs(read) ? scanHeredocs(state, read, line) : [];
  const last = state.at - 1;
  state.instructions.push({
    read,
    startLine: first + 1,
    endLine: last + 1,
    end: (state.lines[last] as Range).start + lineText(state, last).length,
    heredocs,
    comments: state.comments,
  });
  state.comments = [];
}

/** Where the continuation character stands, when there is one that is not escaped itself. */
export function continuationStart(content: string, escaping: string): number | undefined {
  const end = endBefore(content, ' \t') - 1;
  return content[end] === escaping && content[end - 1] !== escaping ? end : undefined;
}

function readLine(state: State, logical: ReadInstruction['logical']): ReadInstruction {
  try {
    return readInstruction(logical, state.escape);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    throw dockerfileError(state.source, sourceRange(logical, error.start, error.end), error.message);
  }
}

function takesHeredocs(read: ReadInstruction): boolean {
  const { keyword, json } = read.onbuild ?? read;
  return !json && (keyword === 'RUN' || keyword === 'COPY' || keyword === 'ADD');
}

function scanHeredocs(state: State, read: ReadInstruction, line: string): readonly Heredoc[] {
  return readMarks(state, read, line).map((mark) => {
    const start = state.lines[state.at]?.start ?? state.source.text.length;
    while (state.at < state.lines.length) {
      const index = state.at;
      state.at += 1;
      state.kinds[index] = 'heredoc';
      const text = lineText(state, index);
      if ((mark.chomp ? text.replace(/^\t+/, '') : text) === mark.name) {
        const end = (state.lines[index] as Range).start;
        return { ...mark, content: state.source.text.slice(start, end), range: { start, end } };
      }
    }
    const at = Math.max(line.indexOf('<<'), 0);
    throw dockerfileError(
      state.source,
      sourceRange(read.logical, at, Math.min(at + 2 + mark.name.length, line.length)),
      'unterminated heredoc',
      `end it with a line that holds nothing but ${mark.name}`,
    );
  });
}

function readMarks(state: State, read: ReadInstruction, line: string): ReturnType<typeof readHeredocMarks> {
  try {
    return readHeredocMarks(line);
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    throw dockerfileError(state.source, read.argumentsRange, error.message, error.hint);
  }
}

/** `syntax` and `check` may also follow a `#!` line, where BuildKit's parser takes them for comments. */
function withShebang(state: State): readonly Directive[] {
  if (state.directives.length > 0 || !state.source.text.replace(/^\ufeff/, '').startsWith('#!')) {
    return state.directives;
  }
  const found: Directive[] = [];
  for (let index = 1; index < state.lines.length; index += 1) {
    const text = lineText(state, index);
    const directive = readDirective(text);
    if (directive === undefined || found.some((other) => other.name === directive.name)) break;
    const { start } = state.lines[index] as Range;
    found.push({ ...directive, range: { start, end: start + text.length } });
  }
  return found.filter((directive) => directive.name !== 'escape');
}
