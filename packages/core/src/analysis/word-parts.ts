import { sliceLogical } from '../dockerfile/logical.ts';
import type { ShellPart, ShellWord } from '../dockerfile/shell-model.ts';
import type { Site } from '../fixes/variation.ts';
import type { CodeWord } from './code-words.ts';

/** The word of a script as the shell's parser read it. */
export function shellWordOf({ role, name, command, index }: CodeWord): ShellWord | undefined {
  if (role === 'assignment')
    return command?.assignments.find((assignment) => assignment.name === name)?.value;
  return role === 'argument' && index !== undefined ? command?.words[index] : undefined;
}

/** The place of a part of a script's word, e.g. of a command substitution. */
export function partSite(
  word: CodeWord,
  part: Pick<ShellPart, 'start' | 'end' | 'quoting'>,
): Site | undefined {
  const { script, stage, instruction } = word;
  if (!script) return undefined;
  const { pieces } = sliceLogical(script.logical, part.start, part.end);
  return { stage, instruction, pieces, quoting: part.quoting, shell: script.when === 'build' };
}
