/** A span of the Dockerfile's own text: UTF-16 offsets, `end` exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A change of a text: what lies in the range becomes `newText`; an empty range inserts. */
export interface TextEdit extends Range {
  readonly newText: string;
}

/** A word of an instruction: as it is written, and where. */
export interface Word {
  /** BuildKit's raw word: continuations joined, comments dropped, quotes, escapes and variables still in it. */
  readonly raw: string;
  /** Where it stands; from its first to its last character, continuations in between included. */
  readonly range: Range;
  /** The source spans of `raw`, in order: more than one when a continuation splits the word. */
  readonly pieces: readonly Range[];
}

/** `--name=value` before an instruction's arguments. */
export interface Flag {
  readonly name: string;
  /** Unquoted, variables not yet expanded; `undefined` for `--name` alone. */
  readonly value: string | undefined;
  /** The whole flag. */
  readonly range: Range;
  readonly valueRange: Range | undefined;
  /** The source spans of `value`, when it is written without quotes and escapes. */
  readonly valuePieces?: readonly Range[];
}

export interface Heredoc {
  readonly name: string;
  /** The body with its line ends. */
  readonly content: string;
  /** `false` when the name was quoted: variables stay as they are. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are dropped. */
  readonly chomp: boolean;
  /** File descriptor before `<<`, 0 when there is none. */
  readonly fd: number;
  /** The body lines, without the terminator's line. */
  readonly range: Range;
}

/** Text as BuildKit reads it (continuations joined, comments dropped), with the way back to the source. */
export interface LogicalText {
  readonly text: string;
  /** Source spans whose concatenation is `text`, in order. */
  readonly pieces: readonly Range[];
}

export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  readonly keywordRange: Range;
  /** From the keyword to the end of the last line, heredoc bodies and terminators included, the final line end not. */
  readonly range: Range;
  /** From 1. */
  readonly startLine: number;
  /** From 1, inclusive. */
  readonly endLine: number;
  /** The whole logical line, keyword included. */
  readonly logical: LogicalText;
  readonly flags: readonly Flag[];
  /** Exec form: `args` are the decoded strings. */
  readonly json: boolean;
  /** BuildKit's node chain: one element for shell form, words for FROM, COPY, …, triples for ENV and LABEL. */
  readonly args: readonly string[];
  /** The same arguments as words with positions (ENV and LABEL: names and values alternate). */
  readonly words: readonly Word[];
  /** What follows the flags. */
  readonly argumentsRange: Range;
  readonly heredocs: readonly Heredoc[];
  /** The instruction that an ONBUILD carries. */
  readonly onbuild?: Instruction;
  /** Comment lines directly above, without `#`. */
  readonly comments: readonly string[];
}

export interface Stage {
  /** From 0. */
  readonly index: number;
  /** Lower case, as BuildKit compares it; `undefined` without `AS`. */
  readonly name: string | undefined;
  readonly from: Instruction;
  /** The base as it is written. */
  readonly base: Word;
  readonly platform: Flag | undefined;
  /** Everything after the FROM. */
  readonly instructions: readonly Instruction[];
}

export interface Directive {
  /** Lower case: `syntax`, `escape`, `check`. */
  readonly name: string;
  readonly value: string;
  readonly range: Range;
}

/** A read-only view of one Dockerfile. Its text changes only through {@link TextEdit}s. */
export interface Dockerfile {
  readonly text: string;
  /** As the user named it, for messages. */
  readonly file: string | undefined;
  readonly escape: '\\' | '`';
  /** The line end that new lines take. */
  readonly newline: '\n' | '\r\n';
  readonly directives: readonly Directive[];
  /** Everything, in order, FROM and global ARG included. */
  readonly instructions: readonly Instruction[];
  /** ARGs above the first FROM. */
  readonly globalArgs: readonly Instruction[];
  readonly stages: readonly Stage[];
  /** What BuildKit warns of while parsing, e.g. empty continuation lines. */
  readonly warnings: readonly string[];
}
