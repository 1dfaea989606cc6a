import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { argDefinitions, scopeAt } from '../dockerfile/scope.ts';

/** An instruction that reads automatic ARGs. */
export interface ArgUse {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly args: readonly string[];
}

const marker = Object.fromEntries(
  ['TARGETARCH', 'TARGETVARIANT', 'TARGETPLATFORM'].map((name) => [name, '-']),
);

/** Declares automatic ARGs above the first instruction of each stage that reads them, unless the stage knows them. */
export function declareArgs(dockerfile: Dockerfile, uses: readonly ArgUse[]): readonly TextEdit[] {
  const edits: TextEdit[] = [];
  const declared = new Map<Stage, Set<string>>();
  const ordered = [...uses].sort((a, b) => a.instruction.range.start - b.instruction.range.start);
  for (const { stage, instruction, args } of ordered) {
    const own = declared.get(stage) ?? new Set<string>();
    declared.set(stage, own);
    const scope = scopeAt(dockerfile, stage, instruction, { platformArgs: marker });
    const missing = args.filter(
      (name) => !scope.has(name) && !own.has(name) && !inherits(dockerfile, stage, name, declared),
    );
    for (const name of missing) {
      edits.push(lineAbove(dockerfile, instruction, `ARG ${name}`));
      own.add(name);
    }
  }
  return edits;
}

/** A stage knows what the stage it is based on has declared, by then or by these edits. */
function inherits(
  dockerfile: Dockerfile,
  stage: Stage,
  name: string,
  declared: ReadonlyMap<Stage, ReadonlySet<string>>,
): boolean {
  const base = dockerfile.stages
    .slice(0, stage.index)
    .findLast((other) => other.name !== undefined && other.name === stage.base.raw.toLowerCase());
  if (!base) return false;
  const own = base.instructions.some(
    (instruction) =>
      instruction.keyword === 'ARG' &&
      argDefinitions(instruction).some((definition) => definition.name === name),
  );
  return own || (declared.get(base)?.has(name) ?? false) || inherits(dockerfile, base, name, declared);
}
