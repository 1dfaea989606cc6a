import { formatPlatformList, isMabuildError } from '@mabuild/oci';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { chosenStage, globalScope, type ScopeOptions } from '../dockerfile/scope.ts';
import { stageDependencies } from '../dockerfile/stage-graph.ts';
import { type ImageSite, siteRange } from './image-sites.ts';
import { automaticValues } from './platform-arg.ts';
import type { Finding, RuleContext } from './rule.ts';

/**
 * Tells whether a FROM lets the platform choose a stage that is not there: `FROM app-${TARGETARCH}` with an app-amd64 and no
 * app-arm. BuildKit takes the name for that of an image. What the last stage does not need on the platform lacks nothing.
 */
export function lacksStage(
  dockerfile: Dockerfile,
  { use, platforms }: ImageSite,
  { buildArgs }: RuleContext,
): 'needed' | 'unneeded' | undefined {
  const [platform] = platforms;
  if (use.kind !== 'from' || !use.stage.base.raw.includes('TARGET') || !platform) return undefined;
  try {
    if (!chosenStage(dockerfile, use.stage, globalScope(dockerfile))) return undefined;
    const options = { buildArgs, platformArgs: automaticValues(platform) };
    return isNeeded(dockerfile, use.stage, options) ? 'needed' : 'unneeded';
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}

/** Tells whether the last stage stands on a stage, or takes files from it. */
function isNeeded(dockerfile: Dockerfile, wanted: Stage, options: ScopeOptions): boolean {
  const open = dockerfile.stages.slice(-1);
  const seen = new Set(open);
  for (const stage of open) {
    if (stage === wanted) return true;
    for (const { stage: next } of stageDependencies(dockerfile, stage, options)) {
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  return false;
}

/** What to say of it. */
export function missingStageFinding(rule: string, site: ImageSite): Finding {
  const { name } = site.use.base;
  const platforms = formatPlatformList(site.platforms);
  return {
    rule,
    severity: 'error',
    platforms: site.platforms,
    message: `there is no stage ${name}, which ${platforms} would take`,
    hint: `add FROM … AS ${name}; a file that mabuild wrote is best written again, from the one before, for all platforms at once`,
    range: siteRange(site),
    fix: 'none',
    edits: [],
  };
}
