import type { Dockerfile, Instruction, TextEdit } from '../dockerfile/model.ts';

/** An edit that takes an instruction out with its lines; comments above it stay. */
export function dropInstruction({ text }: Dockerfile, instruction: Instruction): TextEdit {
  const start = text.lastIndexOf('\n', instruction.range.start - 1) + 1;
  const feed = text.indexOf('\n', instruction.range.end);
  const end = feed < 0 ? text.length : feed + 1;
  // A file that ended without a line end ends so again.
  return feed < 0 && start > 0
    ? { start: start - (text[start - 2] === '\r' ? 2 : 1), end, newText: '' }
    : { start, end, newText: '' };
}
