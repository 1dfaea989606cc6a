import { sliceLogical } from '../dockerfile/logical.ts';
import type { Dockerfile, Instruction, LogicalText, Stage } from '../dockerfile/model.ts';
import { parseShell } from '../dockerfile/shell.ts';
import { isPosixShell, type ShellScript } from '../dockerfile/shell-model.ts';
import { distributionOf } from './distribution.ts';

/** A text that a shell of the image reads. */
export interface Script {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly logical: LogicalText;
  /** Parsed when it is asked for. */
  readonly shell: ShellScript;
  /** `build`: RUN; `run`: CMD, ENTRYPOINT and HEALTHCHECK, which know no ARG. */
  readonly when: 'build' | 'run';
}

const scriptKeywords: ReadonlySet<string> = new Set(['RUN', 'CMD', 'ENTRYPOINT', 'HEALTHCHECK']);

/** Reads what a shell makes of an instruction; `undefined` for exec form, PowerShell and other programs' scripts. */
export function readScript(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  shell: readonly string[] | undefined,
): Script | undefined {
  if (!scriptKeywords.has(instruction.keyword) || instruction.json) return undefined;
  // Who escapes with it may mean Windows, whose shell is another.
  if (dockerfile.escape === '`' && !shell && !distributionOf(dockerfile, stage)) return undefined;
  if (shell && !isPosixShell(shell[0] ?? '')) return undefined;
  const logical = scriptText(dockerfile, instruction);
  if (!logical || logical.text.trim() === '') return undefined;
  return new ReadScript(stage, instruction, logical);
}

/** A class, as an object with a getter of its own has a shape of its own too, which outlives young collections. */
class ReadScript implements Script {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly logical: LogicalText;
  readonly when: Script['when'];
  #shell: ShellScript | undefined;

  constructor(stage: Stage, instruction: Instruction, logical: LogicalText) {
    this.stage = stage;
    this.instruction = instruction;
    this.logical = logical;
    this.when = instruction.keyword === 'RUN' ? 'build' : 'run';
  }

  get shell(): ShellScript {
    this.#shell ??= parseShell(this.logical.text);
    return this.#shell;
  }
}

/** The text that the shell gets, heredocs included. */
function scriptText(dockerfile: Dockerfile, instruction: Instruction): LogicalText | undefined {
  const word = instruction.keyword === 'HEALTHCHECK' ? instruction.words[1] : instruction.words[0];
  if (!word) return undefined;
  const text = { text: word.raw, pieces: word.pieces };
  const [first] = instruction.heredocs;
  if (!first) return text;
  if (instruction.heredocs.length === 1 && /^\d*<<-?[\t ]*[^<\s]+$/.test(word.raw.trim())) {
    const body = { text: dockerfile.text.slice(first.range.start, first.range.end), pieces: [first.range] };
    const interpreter = /^#![^\n]*/.exec(body.text)?.[0];
    if (interpreter === undefined) return body;
    if (!/\b(?:ba|da|a|k|z)?sh\b/.test(interpreter)) return undefined;
    // The shell takes the line for a comment.
    return body;
  }
  // Behind the command's line the bodies follow as they are.
  const rest = { start: first.range.start - 1, end: instruction.range.end };
  return {
    text: word.raw + dockerfile.text.slice(rest.start, rest.end),
    pieces: [...word.pieces, rest],
  };
}

/** A span of a script in the file. */
export function scriptRange(script: Script, start: number, end: number): { start: number; end: number } {
  const { pieces } = sliceLogical(script.logical, start, end);
  return { start: pieces[0]?.start ?? 0, end: pieces.at(-1)?.end ?? 0 };
}
