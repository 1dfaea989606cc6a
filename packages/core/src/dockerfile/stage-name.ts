import { Attached } from '../attached.ts';
import type { Dockerfile, Stage } from './model.ts';

/** The stage that a FROM stands on, when its expanded base names an earlier one. */
export function findBaseStage(dockerfile: Dockerfile, stage: Stage, name: string): Stage | undefined {
  return stagesNamed(dockerfile, name).findLast((other) => other.index < stage.index);
}

/** A stage by name, whatever the case; the last of several with one name. */
export function findStage(dockerfile: Dockerfile, name: string): Stage | undefined {
  return stagesNamed(dockerfile, name.toLowerCase()).at(-1);
}

const known = new Attached<readonly Stage[], ReadonlyMap<string, readonly Stage[]>>();

function stagesNamed({ stages }: Dockerfile, name: string): readonly Stage[] {
  const names = known.get(stages) ?? byName(stages);
  known.set(stages, names);
  return names.get(name) ?? [];
}

function byName(stages: readonly Stage[]): ReadonlyMap<string, readonly Stage[]> {
  const names = new Map<string, Stage[]>();
  for (const stage of stages) {
    if (stage.name === undefined) continue;
    const same = names.get(stage.name);
    if (same) same.push(stage);
    else names.set(stage.name, [stage]);
  }
  return names;
}
