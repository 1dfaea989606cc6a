import type { Dockerfile, Instruction, Range } from './model.ts';

const pragma = /^\s*mabuild\s+ignore=([\w-]+(?:,[\w-]+)*)(?:\s+because\b.*)?\s*$/;

/** The rules that comments above an instruction switch off there: `# mabuild ignore=rule-id because …`. */
export function ignoredRules(dockerfile: Dockerfile, range: Range): ReadonlySet<string> {
  const instruction = instructionAt(dockerfile, range.start);
  const names = (instruction?.comments ?? []).flatMap((line) => pragma.exec(line)?.[1]?.split(',') ?? []);
  return new Set(names);
}

/** The last instruction that starts at or above an offset, when it reaches it. */
function instructionAt({ instructions }: Dockerfile, offset: number): Instruction | undefined {
  let low = 0;
  let high = instructions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((instructions[middle] as Instruction).range.start <= offset) low = middle + 1;
    else high = middle;
  }
  const instruction = instructions[low - 1];
  return instruction && offset <= instruction.range.end ? instruction : undefined;
}
