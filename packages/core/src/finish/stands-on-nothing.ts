import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { platformArgs } from '../dockerfile/platform-args.ts';
import { targetStage } from '../dockerfile/stage-graph.ts';
import type { EngineBuild } from '../engines/engine.ts';

/**
 * Tells whether a classic build's result stands on `scratch`: of such an image the builder says that it is for the host,
 * when it was not told a platform.
 */
export function standsOnNothing(build: EngineBuild): boolean {
  if (build.builder !== 'classic') return false;
  const dockerfile = parseDockerfile(build.dockerfile);
  return standsOnScratch(dockerfile, targetStage(dockerfile, build.target), build);
}

function standsOnScratch(dockerfile: Dockerfile, stage: Stage, build: EngineBuild): boolean {
  const base = resolveBase(dockerfile, stage, {
    buildArgs: build.buildArgs,
    platformArgs: platformArgs(build.platform, build.platform),
  });
  return base.kind === 'stage' ? standsOnScratch(dockerfile, base.stage, build) : base.kind === 'scratch';
}
