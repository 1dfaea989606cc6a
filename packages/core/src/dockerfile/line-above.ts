import type { Dockerfile, Instruction, TextEdit } from './model.ts';

/** An edit that puts a line above an instruction and the comments that belong to it, indented alike. */
export function lineAbove(dockerfile: Dockerfile, instruction: Instruction, line: string): TextEdit {
  const { text, newline, directives } = dockerfile;
  const floor = Math.max(0, ...directives.map(({ range }) => text.indexOf('\n', range.end - 1) + 1));
  let at = text.lastIndexOf('\n', instruction.range.start - 1) + 1;
  const indent = text.slice(at, instruction.range.start).replace(/[^\t ]/g, '');
  for (let count = instruction.comments.length; count > 0 && at > floor; count -= 1) {
    const above = text.lastIndexOf('\n', at - 2) + 1;
    if (!/^[\t ]*#/.test(text.slice(above, at))) break;
    at = above;
  }
  return { start: at, end: at, newText: `${indent}${line}${newline}` };
}
