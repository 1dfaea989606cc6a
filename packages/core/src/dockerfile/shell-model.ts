/** How a piece of shell text is quoted; `literal`: the body of `<<'EOF'`, where quotes stand for themselves. */
export type ShellQuoting = 'none' | 'double' | 'single' | 'literal';

/** Text that stands for itself. */
export interface ShellText {
  readonly kind: 'text';
  /** Quotes and escapes taken away. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
  readonly quoting: ShellQuoting;
  /** Each character of `value` is one of the source, from `start`. */
  readonly exact: boolean;
}

/** `$NAME`, `${NAME}` or `${NAME:-…}`. */
export interface ShellVariable {
  readonly kind: 'variable';
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly quoting: ShellQuoting;
  /** No operator: the value as it is. */
  readonly plain: boolean;
  /** What `${NAME:-text}` and its kin say. */
  readonly operand: ShellWord | undefined;
}

/** `$(…)`, backticks, arithmetic and everything else whose value only a run can tell. */
export interface ShellDynamic {
  readonly kind: 'dynamic';
  /** As it is written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly quoting: ShellQuoting;
}

export type ShellPart = ShellText | ShellVariable | ShellDynamic;

/** A word of a shell script; offsets are those of the script's text. */
export interface ShellWord {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly ShellPart[];
}

export interface ShellAssignment {
  readonly name: string;
  readonly value: ShellWord;
}

/** A condition that must hold for a command to run. */
export interface ShellBranch {
  /** The words of the `case` or the text of the condition. */
  readonly condition: string;
  /** Of a `case`: the patterns of this branch. */
  readonly patterns: readonly string[];
  /** The condition must not hold: `else`, `||`. */
  readonly negated: boolean;
}

/** One simple command. */
export interface ShellCommand {
  /** The first word when it is plain text, without its folder: `curl` of `/usr/bin/curl`. */
  readonly name: string | undefined;
  /** The first word and its arguments. */
  readonly words: readonly ShellWord[];
  readonly assignments: readonly ShellAssignment[];
  readonly redirects: readonly { readonly operator: string; readonly target: ShellWord }[];
  /** Bodies of `<<`; `script`: a shell reads it, its commands are among those of the script. */
  readonly hereDocs: readonly {
    readonly quoted: boolean;
    readonly body: ShellWord;
    readonly script?: true;
  }[];
  /** From the outermost to the innermost. */
  readonly branches: readonly ShellBranch[];
  /** Commands of one pipeline have one number. */
  readonly pipeline: number;
  /** Inside `$(…)`, `(…)` or a function: what it assigns may not reach the commands after it. */
  readonly nested: boolean;
  /** Nothing runs: the name and the words of `for x in …` or of an array. */
  readonly list?: true;
  readonly start: number;
  readonly end: number;
}

/** A `case` or `if` chain as a whole. */
export interface ShellSwitch {
  readonly kind: 'case' | 'if';
  /** The word of the `case` as it is written, or the first condition. */
  readonly subject: string;
  readonly branches: readonly {
    /** Patterns of a `case`, or the condition of an `if`. */
    readonly patterns: readonly string[];
    /** The body, without its terminator. */
    readonly start: number;
    readonly end: number;
  }[];
  /** `*)` or `else`. */
  readonly fallback: { readonly start: number; readonly end: number } | undefined;
  /** Of a `case`: where one more branch can be written, before `*)` or `esac`. */
  readonly insertAt?: number | undefined;
  readonly start: number;
  readonly end: number;
}

/** What a shell makes of a text. */
export interface ShellScript {
  /** In the order of the text; those inside `$(…)` before the command that holds them. */
  readonly commands: readonly ShellCommand[];
  readonly switches: readonly ShellSwitch[];
  /** Variables that a loop or `read` sets. */
  readonly loopVariables: ReadonlySet<string>;
  /** A shell would refuse some of it: what could be read is here, edits are not safe. */
  readonly broken: boolean;
}

/** Tells whether a program, with or without its folder, is a shell that reads POSIX scripts. */
export function isPosixShell(program: string): boolean {
  return /^(?:.*\/)?(?:ba|da|a|k|z)?sh$/.test(program);
}
