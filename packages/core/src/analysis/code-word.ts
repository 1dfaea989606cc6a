import type { Instruction, Range, Stage } from '../dockerfile/model.ts';
import type { ShellCommand } from '../dockerfile/shell-model.ts';
import type { MappedText } from './mapped-text.ts';
import { type Script, scriptRange } from './scripts.ts';

/** What a word is for. */
export type WordRole =
  /** A word of a shell command, its name included, or of an exec form. */
  | 'argument'
  /** `NAME=value` in a shell. */
  | 'assignment'
  /** The file of `>` and its kin. */
  | 'redirect'
  /** The body of a heredoc that a command of a script reads. */
  | 'heredoc'
  | 'env'
  | 'arg'
  | 'label'
  /** COPY and ADD. */
  | 'source'
  | 'destination'
  /** WORKDIR, USER, VOLUME, STOPSIGNAL; with the name `checksum` that flag of ADD. */
  | 'setting';

/** A word of a Dockerfile, expanded, and everything that decides what it means. */
export interface CodeWord {
  /** `undefined` for an ARG above the first FROM. */
  readonly stage: Stage | undefined;
  readonly instruction: Instruction;
  readonly role: WordRole;
  /** Of `env`, `arg`, `label` and `assignment`. */
  readonly name: string | undefined;
  /** Of `argument`, `redirect` and `heredoc` in a script. */
  readonly command: ShellCommand | undefined;
  /** Its place among the command's words, from 0. */
  readonly index: number | undefined;
  readonly script: Script | undefined;
  readonly mapped: MappedText;
  /** Where it stands: in the script when there is one, else in the file. @see rangeOfWord */
  readonly place: Range;
  /** It runs, or is set, on some architectures only. */
  readonly guarded: boolean;
  /** The stage runs on the build's platform: what it downloads and runs is the build host's. */
  readonly buildPlatform: boolean;
}

/** Where a word stands in the file, for findings. */
export function rangeOfWord({ script, place }: CodeWord): Range {
  return script ? scriptRange(script, place.start, place.end) : place;
}
