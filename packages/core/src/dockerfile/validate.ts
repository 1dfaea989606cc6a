import { dockerfileError, type Source } from './location.ts';
import type { Instruction } from './model.ts';

/** Refuses what BuildKit refuses. */
export function validateInstructions(source: Source, instructions: readonly Instruction[]): void {
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM' && ![1, 3].includes(instruction.args.length)) {
      throw dockerfileError(source, instruction.range, 'FROM requires either one or three arguments');
    }
  }
}
