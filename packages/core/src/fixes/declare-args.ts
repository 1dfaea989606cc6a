import { resolveBase } from '../dockerfile/base.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { platformArgs } from '../dockerfile/platform-args.ts';
import { argDefinitions, globalScope, scopeAt } from '../dockerfile/scope.ts';

/** An instruction of a stage that reads automatic ARGs; with ONBUILD the instruction that carries it. */
export interface ArgUse {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly args: readonly string[];
}

const amd64 = { os: 'linux', architecture: 'amd64' };
const automatic = platformArgs(amd64, amd64);

/** Tells whether an automatic ARG can be read at a place, once it is declared: no default and no ENV hides it. */
export function canDeclare(dockerfile: Dockerfile, { stage, instruction, args }: ArgUse): boolean {
  const options = { platformArgs: automatic };
  try {
    const globals = globalScope(dockerfile, options);
    const scope = scopeAt(dockerfile, stage, instruction, options);
    return args.every((name) => isAutomatic(globals, name) && (!scope.has(name) || isAutomatic(scope, name)));
  } catch {
    return false;
  }
}

function isAutomatic(scope: ReturnType<typeof scopeAt>, name: string): boolean {
  return scope.get(name)?.from === 'platform';
}

/** Declares automatic ARGs above the first instruction that reads them, in each stage that does not have them yet. */
export function declareArgs(dockerfile: Dockerfile, uses: readonly ArgUse[]): readonly TextEdit[] {
  const ordered = [...uses].sort((a, b) => a.instruction.range.start - b.instruction.range.start);
  const added = new Map<Stage, Set<string>>();
  const edits: TextEdit[] = [];
  for (const { stage, instruction, args } of ordered) {
    const prefix = instruction.keyword === 'ONBUILD' ? 'ONBUILD ' : '';
    const own = added.get(stage) ?? new Set<string>();
    added.set(stage, own);
    for (const name of args) {
      const known = prefix + name;
      if (own.has(known) || isDeclared(dockerfile, stage, instruction, known, added)) continue;
      own.add(known);
      edits.push(lineAbove(dockerfile, instruction, cased(dockerfile, instruction, `${prefix}ARG`, name)));
    }
  }
  return edits;
}

function cased(dockerfile: Dockerfile, { keywordRange }: Instruction, keyword: string, name: string): string {
  const written = dockerfile.text.slice(keywordRange.start, keywordRange.end);
  return `${written === written.toLowerCase() ? keyword.toLowerCase() : keyword} ${name}`;
}

function isDeclared(
  dockerfile: Dockerfile,
  stage: Stage,
  until: Instruction | undefined,
  name: string,
  added: ReadonlyMap<Stage, ReadonlySet<string>>,
): boolean {
  for (const instruction of stage.instructions) {
    if (instruction === until) break;
    if (declares(instruction, name)) return true;
  }
  if (until === undefined && added.get(stage)?.has(name)) return true;
  if (name.startsWith('ONBUILD ')) return false;
  const base = baseStage(dockerfile, stage);
  return base !== undefined && isDeclared(dockerfile, base, undefined, name, added);
}

/** A base that needs a --build-arg is no stage that is known. */
function baseStage(dockerfile: Dockerfile, stage: Stage): Stage | undefined {
  try {
    const base = resolveBase(dockerfile, stage, { platformArgs: automatic });
    return base.kind === 'stage' ? base.stage : undefined;
  } catch {
    return undefined;
  }
}

function declares(instruction: Instruction, name: string): boolean {
  const own = instruction.onbuild ?? instruction;
  const prefix = instruction.onbuild ? 'ONBUILD ' : '';
  return own.keyword === 'ARG' && argDefinitions(own).some((item) => prefix + item.name === name);
}
