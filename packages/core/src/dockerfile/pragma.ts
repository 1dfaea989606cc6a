import type { Dockerfile, Instruction, Range } from './model.ts';
import { argDefinitions } from './scope.ts';

const pragma = /^\s*mabuild\s+ignore=([\w-]+(?:,[\w-]+)*)(?:\s+because\b.*)?\s*$/;

/**
 * The rules that comments above an instruction switch off there: `# mabuild ignore=rule-id because …`; for an ARG above the
 * first FROM those above a FROM that reads it count too.
 */
export function ignoredRules(dockerfile: Dockerfile, range: Range): ReadonlySet<string> {
  const instruction = instructionAt(dockerfile, range.start);
  if (!instruction) return none;
  const lines = [instruction, ...readersOf(dockerfile, instruction)].flatMap(({ comments }) => comments);
  return new Set(lines.flatMap((line) => pragma.exec(line)?.[1]?.split(',') ?? []));
}

const none: ReadonlySet<string> = new Set();

function readersOf(dockerfile: Dockerfile, arg: Instruction): readonly Instruction[] {
  if (arg.keyword !== 'ARG' || !dockerfile.globalArgs.includes(arg)) return [];
  const names = argDefinitions(arg).map(({ name }) => name);
  return dockerfile.stages
    .filter(({ base }) => names.some((name) => new RegExp(`\\$\\{?${name}\\b`).test(base.raw)))
    .map(({ from }) => from);
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
