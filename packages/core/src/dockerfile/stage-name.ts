import type { Dockerfile, Stage } from './model.ts';

/** The stage that a FROM stands on, when its expanded base names an earlier one. */
export function findBaseStage(dockerfile: Dockerfile, stage: Stage, name: string): Stage | undefined {
  return dockerfile.stages.slice(0, stage.index).findLast((other) => other.name === name);
}

/** A stage by name, whatever the case; the last of several with one name. */
export function findStage(dockerfile: Dockerfile, name: string): Stage | undefined {
  const wanted = name.toLowerCase();
  return dockerfile.stages.findLast((stage) => stage.name === wanted);
}
