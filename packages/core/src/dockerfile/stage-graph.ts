import { MabuildError } from '@mabuild/oci';
import { type Base, resolveBase, resolveSources } from './base.ts';
import { dockerfileError } from './location.ts';
import type { Dockerfile, Instruction, Stage } from './model.ts';
import type { ScopeOptions } from './scope.ts';
import { findStage } from './stage-name.ts';
import { validateStage } from './validate-stage.ts';

/**
 * The stage that a build ends with: by name, by number from 0, or the last one.
 *
 * @throws MabuildError `TARGET_NOT_FOUND`, listing the names.
 */
export function targetStage(dockerfile: Dockerfile, target?: string): Stage {
  const { stages } = dockerfile;
  const wanted = target ?? '';
  const found =
    wanted === ''
      ? stages.at(-1)
      : (findStage(dockerfile, wanted) ?? (/^\d+$/.test(wanted) ? stages[Number(wanted)] : undefined));
  if (found) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  throw new MabuildError(`target stage ${JSON.stringify(wanted)} could not be found`, {
    code: 'TARGET_NOT_FOUND',
    hint:
      names.length > 0
        ? `the stages are ${names.join(', ')}`
        : `no stage has a name: leave --target out, or write FROM … AS ${wanted}`,
  });
}

/** The stages that a stage stands on, itself included: what they write is in its image. */
export function stagesBelow(
  dockerfile: Dockerfile,
  stage: Stage,
  options: ScopeOptions = {},
): ReadonlySet<Stage> {
  const below = new Set<Stage>();
  for (let next: Stage | undefined = stage; next && !below.has(next); ) {
    below.add(next);
    const base: Base = resolveBase(dockerfile, next, options);
    next = base.kind === 'stage' ? base.stage : undefined;
  }
  return below;
}

/**
 * The stages that a target needs, itself included, in the order of the file.
 *
 * @throws MabuildError `TARGET_NOT_FOUND`; `DOCKERFILE_SYNTAX` for stages that need each other, ports and sources that
 *   BuildKit refuses.
 */
export function stageGraph(
  dockerfile: Dockerfile,
  target?: string,
  options: ScopeOptions = {},
): readonly Stage[] {
  const last = targetStage(dockerfile, target);
  // BuildKit looks for circles in the whole file, needed or not.
  const dependencies = dockerfile.stages.map((stage) => stageDependencies(dockerfile, stage, options));
  refuseCircles(dockerfile, dependencies);
  const needed = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage)) return;
    needed.add(stage);
    for (const { stage: next } of dependencies[stage.index] ?? []) visit(next);
  };
  visit(last);
  const stages = dockerfile.stages.filter((stage) => needed.has(stage));
  for (const stage of stages) validateStage(dockerfile, stage, options);
  return stages;
}

/** Why one stage needs another. */
export interface StageDependency {
  readonly stage: Stage;
  /** The FROM, COPY or RUN that names it. */
  readonly by: Instruction;
}

/** The stages that a stage names itself, in order. */
export function stageDependencies(
  dockerfile: Dockerfile,
  stage: Stage,
  options: ScopeOptions = {},
): readonly StageDependency[] {
  const base = resolveBase(dockerfile, stage, options);
  const dependencies: StageDependency[] =
    base.kind === 'stage' ? [{ stage: base.stage, by: stage.from }] : [];
  for (const instruction of stage.instructions) {
    for (const source of resolveSources(dockerfile, instruction)) {
      if (source.base.kind === 'stage') dependencies.push({ stage: source.base.stage, by: instruction });
    }
  }
  return dependencies;
}

function refuseCircles(dockerfile: Dockerfile, dependencies: readonly (readonly StageDependency[])[]): void {
  const done = new Set<Stage>();
  const open = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (done.has(stage)) return;
    open.add(stage);
    for (const { stage: next, by } of dependencies[stage.index] ?? []) {
      if (open.has(next)) {
        throw dockerfileError(
          dockerfile,
          by.range,
          `circular dependency detected on stage: ${next.name ?? next.index}`,
          'a stage can only take files from stages that do not need it',
        );
      }
      visit(next);
    }
    open.delete(stage);
    done.add(stage);
  };
  for (const stage of dockerfile.stages) visit(stage);
}
