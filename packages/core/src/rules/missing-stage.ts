import { formatPlatformList, isMabuildError } from '@mabuild/oci';
import type { Dockerfile } from '../dockerfile/model.ts';
import { chosenStage, globalScope } from '../dockerfile/scope.ts';
import { type ImageSite, siteRange } from './image-sites.ts';
import type { Finding } from './rule.ts';

/**
 * Tells whether a FROM lets the platform choose a stage that is not there: `FROM app-${TARGETARCH}` with an app-amd64 and no
 * app-arm. BuildKit takes the name for that of an image.
 */
export function lacksStage(dockerfile: Dockerfile, { use }: ImageSite): boolean {
  if (use.kind !== 'from' || !use.stage.base.raw.includes('TARGET')) return false;
  try {
    return chosenStage(dockerfile, use.stage, globalScope(dockerfile)) !== undefined;
  } catch (error) {
    if (isMabuildError(error)) return false;
    throw error;
  }
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
