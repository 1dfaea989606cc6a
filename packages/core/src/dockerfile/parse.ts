import type { ReadInstruction } from './instruction.ts';
import { dockerfileError, type Source } from './location.ts';
import type { Dockerfile, Instruction, Stage } from './model.ts';
import { type ScannedInstruction, scanDockerfile } from './scan.ts';
import { validateInstructions } from './validate.ts';

export interface ParseOptions {
  /** The file as the user named it, for messages. */
  readonly file?: string | undefined;
}

/**
 * Reads a Dockerfile as BuildKit does, every part with its place in the text.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX`, with line and column, for what BuildKit refuses before it builds.
 */
export function parseDockerfile(text: string, options: ParseOptions = {}): Dockerfile {
  const source: Source = { text, file: options.file };
  const scan = scanDockerfile(source);
  const instructions = scan.instructions.map(toInstruction);
  validateInstructions(source, instructions);
  const firstFrom = instructions.findIndex((instruction) => instruction.keyword === 'FROM');
  if (firstFrom < 0) {
    const all = { start: instructions[0]?.range.start ?? 0, end: instructions[0]?.range.end ?? 0 };
    throw dockerfileError(
      source,
      all,
      'dockerfile contains no stages to build',
      'add a FROM, e.g. FROM busybox',
    );
  }
  return {
    text,
    file: options.file,
    escape: scan.escape,
    newline: /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n',
    directives: scan.directives,
    instructions,
    globalArgs: instructions.slice(0, firstFrom),
    stages: toStages(instructions),
    warnings: scan.warnings,
  };
}

function toInstruction(scanned: ScannedInstruction): Instruction {
  const { read, startLine, endLine, end, heredocs, comments } = scanned;
  const { keywordRange } = read;
  const range = { start: keywordRange.start, end: Math.max(end, keywordRange.end) };
  return fromRead(read, { keywordRange, range, startLine, endLine, heredocs, comments });
}

/** Field by field: there are many instructions, and copies of copies are slow. */
function fromRead(
  read: ReadInstruction,
  place: Pick<Instruction, 'keywordRange' | 'range' | 'startLine' | 'endLine' | 'heredocs' | 'comments'>,
): Instruction {
  const { keyword, logical, flags, json, args, words, argumentsRange, onbuild } = read;
  const { keywordRange, range, startLine, endLine, heredocs, comments } = place;
  const instruction: Instruction = {
    keyword,
    keywordRange,
    range,
    startLine,
    endLine,
    logical,
    flags,
    json,
    args,
    words,
    argumentsRange,
    heredocs,
    comments,
  };
  if (!onbuild) return instruction;
  const inner = { start: onbuild.keywordRange.start, end: range.end };
  return {
    ...instruction,
    onbuild: fromRead(onbuild, {
      keywordRange: onbuild.keywordRange,
      range: inner,
      startLine,
      endLine,
      heredocs: [],
      comments: [],
    }),
  };
}

function toStages(instructions: readonly Instruction[]): readonly Stage[] {
  const starts = instructions.flatMap((instruction, index) =>
    instruction.keyword === 'FROM' ? [index] : [],
  );
  return starts.map((start, index) => {
    const from = instructions[start] as Instruction;
    return {
      index,
      name: from.words[2]?.raw.toLowerCase(),
      from,
      base: from.words[0] as Stage['base'],
      platform: from.flags.find((flag) => flag.name === 'platform'),
      instructions: instructions.slice(start + 1, starts[index + 1] ?? instructions.length),
    };
  });
}
