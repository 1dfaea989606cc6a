import type { ImageReference, Platform } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { applyEdits } from '../dockerfile/edit.ts';
import { baseNames, type ImageUse, readableImageUses } from '../dockerfile/image-uses.ts';
import type { Dockerfile, Range, TextEdit } from '../dockerfile/model.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { isOtherBranch } from '../dockerfile/platform-stage.ts';
import { nameAsWritten, renameImage } from '../dockerfile/rename-image.ts';
import { isDeliberate } from '../dockerfile/retarget-base.ts';
import { argDefinitions } from '../dockerfile/scope.ts';
import { namesAutomaticArgs } from './platform-arg.ts';
import type { RuleContext } from './rule.ts';

/** An image that a Dockerfile names, and the asked platforms that get it. */
export interface ImageSite {
  readonly use: ImageUse;
  readonly platforms: readonly Platform[];
  /** Where a finding about it stands: the default of the ARG that completes its name, as that has to change, else the word. */
  readonly range: Range;
}

const known = new Attached<RuleContext, Map<Dockerfile, readonly ImageSite[]>>();

/** Every image that a Dockerfile takes from outside for the asked platforms; stages with another platform on purpose are left out. */
export function imageSites(dockerfile: Dockerfile, context: RuleContext): readonly ImageSite[] {
  const files = known.get(context) ?? new Map<Dockerfile, readonly ImageSite[]>();
  known.set(context, files);
  const sites = files.get(dockerfile) ?? findSites(dockerfile, context);
  files.set(dockerfile, sites);
  return sites;
}

function findSites(dockerfile: Dockerfile, context: RuleContext): readonly ImageSite[] {
  const sites = new Map<string, { use: ImageUse; platforms: Platform[]; range: Range }>();
  // Without the automatic ARGs every platform reads the same.
  const isOne = !namesAutomaticArgs(dockerfile.text);
  let uses: readonly ImageUse[] | undefined;
  for (const platform of context.platforms) {
    const build = { platform, buildArgs: context.buildArgs };
    uses = isOne && uses ? uses : readableImageUses(dockerfile, build);
    for (const use of uses) {
      if (isDeliberate(use, build) || isOtherBranch(dockerfile, use.stage, platform)) continue;
      const key = `${use.range.start} ${use.base.name}`;
      const site = sites.get(key) ?? { use, platforms: [], range: writtenAt(dockerfile, use, context) };
      site.platforms.push(platform);
      sites.set(key, site);
    }
  }
  return [...sites.values()];
}

/** The default of the ARG at the end of a FROM's image, where it is the default that counts. */
function writtenAt(dockerfile: Dockerfile, use: ImageUse, { buildArgs }: RuleContext): Range {
  const [, variable] = /\$\{?(\w+)\}?$/.exec(use.stage.base.raw) ?? [];
  if (use.kind !== 'from' || variable === undefined || Object.hasOwn(buildArgs, variable)) return use.range;
  const definitions = dockerfile.globalArgs.flatMap((instruction) => argDefinitions(instruction));
  return definitions.findLast(({ name }) => name === variable)?.value?.range ?? use.range;
}

/** Where a finding about an image stands. */
export function siteRange(site: ImageSite): Range {
  return site.range;
}

/**
 * Edits that give a site's image another name: in the ARG default where it comes from one, in the instruction when that
 * default makes other names too.
 */
export function renameSite(dockerfile: Dockerfile, site: ImageSite, to: ImageReference): readonly TextEdit[] {
  const { use } = site;
  const name = nameAsWritten(use, to);
  const edits = renameImage(dockerfile, use, name, { throughArgs: true });
  // Written in the instruction itself, it makes no other name.
  if (use.base.segments.length > 0 && use.base.segments.every(({ variable }) => variable === undefined))
    return edits;
  const build = { platform: site.platforms[0] ?? use.platform };
  const wanted = baseNames(dockerfile, build).map((other) => (other === use.base.name ? name : other));
  const after = baseNames(parseDockerfile(applyEdits(dockerfile.text, edits)), build);
  // One of two FROM with the same name may be changed without the other.
  const alone = after.every((other, index) => other === wanted[index] || other === use.base.name);
  return alone ? edits : renameImage(dockerfile, use, name, { throughArgs: false });
}
