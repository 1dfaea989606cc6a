import { type ImageReference, isMabuildError, parseReference } from '@mabuild/oci';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { automaticValues } from './platform-arg.ts';
import type { RuleContext } from './rule.ts';

/** The image that a stage stands on, through the stages in between; `undefined` for scratch and for what cannot be read. */
export function stageImage(
  dockerfile: Dockerfile,
  stage: Stage,
  context: Pick<RuleContext, 'platforms' | 'buildArgs'>,
): ImageReference | undefined {
  const [platform] = context.platforms;
  if (!platform) return undefined;
  try {
    const base = resolveBase(dockerfile, stage, {
      buildArgs: context.buildArgs,
      platformArgs: automaticValues(platform),
    });
    if (base.kind === 'stage') return stageImage(dockerfile, base.stage, context);
    return base.kind === 'image' ? parseReference(base.name) : undefined;
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}
