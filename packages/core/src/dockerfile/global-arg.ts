import type { Dockerfile, Instruction, Range, Stage } from './model.ts';
import { sliceWord } from './scope.ts';

/** Tells whether a FROM, or another ARG above the first one, reads an ARG. */
export function isReadAbove({ globalArgs, stages }: Dockerfile, name: string): boolean {
  // What is no name is not known.
  if (!/^\w+$/.test(name)) return true;
  const reads = new RegExp(`\\$(?:${name}\\b|\\{${name}\\b)`);
  return [...globalArgs, ...stages.map(({ from }) => from)].some(({ logical }) => reads.test(logical.text));
}

/** `ARG NAME` in a stage, which takes the default of the ARG above the first FROM. */
export interface Declaration {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly pieces: readonly Range[];
}

/** Where stages declare an ARG without a default of their own. */
export function declarations({ stages }: Dockerfile, name: string): readonly Declaration[] {
  return stages.flatMap((stage) =>
    stage.instructions.flatMap((instruction) => {
      if (instruction.keyword !== 'ARG') return [];
      return instruction.words.flatMap((word) =>
        word.raw === name ? [{ stage, instruction, pieces: sliceWord(word, 0, word.raw.length).pieces }] : [],
      );
    }),
  );
}
