import {
  familiarReference,
  formatPlatform,
  formatPlatformList,
  type ImageReference,
  type Platform,
  platformsEqual,
  withTag,
} from '@mabuild/oci';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { officialImagePlatforms, officialTagsWith } from '../knowledge/official-images.ts';
import { serves } from '../knowledge/serves.ts';
import { suggestTag } from '../knowledge/suggest-tag.ts';
import { readVendorImage } from '../knowledge/vendor-images.ts';
import { hasX86Name } from './arch-suffix-in-tag.ts';
import { type ImageSite, imageSites, renameSite, siteRange } from './image-sites.ts';
import { lacksStage, missingStageFinding } from './missing-stage.ts';
import { isSubstitute } from './namespace-finding.ts';
import type { Finding, RuleContext } from './rule.ts';
import { vendorStages } from './vendor-names.ts';
import { windowsImage } from './windows-base.ts';

/** Finds images that have nothing for an asked platform; which uses are looked at is the caller's. */
export async function findMissingPlatforms(
  rule: string,
  dockerfile: Dockerfile,
  context: RuleContext,
  looksAt: (site: ImageSite) => boolean,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const site of imageSites(dockerfile, context).filter(looksAt)) {
    const lacked = lacksStage(dockerfile, site, context);
    if (lacked === 'needed') findings.push(missingStageFinding(rule, site));
    if (lacked !== undefined) continue;
    const { reference, base } = site.use;
    const named = readNamespace(reference);
    // What retired mirrors held is in no table; Windows has a rule of its own.
    if (named?.kind === 'legacy' || windowsImage.test(base.name)) continue;
    const asked = named
      ? site.platforms.filter((platform) => platformsEqual(platform, named.platform))
      : site.platforms;
    const better = site.platforms.filter(
      (platform) => named && !asked.includes(platform) && isSubstitute(reference, platform),
    );
    if (named && better.length > 0) findings.push(lowerFinding(rule, site, better, [named.platform]));
    const looked = named ? named.plain : reference;
    const has =
      asked.length > 0 && looked ? await context.images.platformsOf(familiarReference(looked)) : undefined;
    if (!has) {
      const finding = vendorFinding(rule, dockerfile, site);
      if (finding) findings.push(finding);
      findings.push(...endedVendorFindings(rule, site));
      continue;
    }
    const missing = asked.filter((platform) => fitOf(has, platform) === 'none');
    const lower = asked.filter((platform) => fitOf(has, platform) === 'lower');
    if (missing.length > 0)
      findings.push(
        named ? endedFinding(rule, site, missing) : missingFinding(rule, dockerfile, site, missing, has),
      );
    else if (lower.length > 0) findings.push(lowerFinding(rule, site, lower, has));
  }
  return findings;
}

/** `lower`: an image for an older processor of the same architecture. */
type Fit = 'own' | 'lower' | 'none';

const fits = new WeakMap<readonly Platform[], Map<Platform, Fit>>();

/** What a platform gets of an image; the same few lists are asked about for file after file. */
function fitOf(has: readonly Platform[], platform: Platform): Fit {
  const known = fits.get(has) ?? new Map<Platform, Fit>();
  fits.set(has, known);
  const fit =
    known.get(platform) ??
    (!has.some((other) => serves(other, platform))
      ? 'none'
      : has.some((other) => platformsEqual(other, platform))
        ? 'own'
        : 'lower');
  known.set(platform, fit);
  return fit;
}

/** A vendor's image without an architecture in its name that is for x64 alone: the ones for ARM have names of their own. */
function vendorFinding(rule: string, dockerfile: Dockerfile, site: ImageSite): Finding | undefined {
  const { reference, base } = site.use;
  const vendor = readVendorImage(reference);
  if (vendor?.platform !== 'linux/amd64' || hasX86Name(base.name)) return undefined;
  const missing = site.platforms.filter((platform) => platformKey(platform) !== 'linux/amd64');
  if (missing.length === 0) return undefined;
  const known = missing.flatMap((platform) => {
    const name = vendor.nameFor(platform);
    return name ? [`${formatPlatform(platform)}: ${familiarReference(name)}`] : [];
  });
  const edits = vendorStages(dockerfile, site);
  return {
    rule,
    severity: 'error',
    platforms: missing,
    message: `${base.name} is for linux/amd64 only`,
    hint:
      known.length > 0
        ? `${known.join(', ')}; migrate --style per-arch writes it`
        : 'there is none for ARM; choose another tag',
    range: siteRange(site),
    fix: edits.length > 0 ? 'auto' : 'none',
    edits,
  };
}

/** The vendor's index has lost the platform: what there was of it has a name of its own, or none. */
function endedVendorFindings(rule: string, site: ImageSite): readonly Finding[] {
  const { reference, base } = site.use;
  const vendor = readVendorImage(reference);
  return site.platforms.flatMap((platform): readonly Finding[] => {
    const why = vendor?.endedOn(platform);
    if (why === undefined) return [];
    const name = vendor?.nameFor(platform);
    const key = formatPlatform(platform);
    // What a moving tag says today is known, not what an old one still has.
    const isGone = name === undefined && (reference.tag ?? 'latest') === 'latest';
    return [
      {
        rule,
        severity: isGone ? 'error' : 'warning',
        platforms: [platform],
        message: isGone
          ? `${base.name} has no image for ${key}: ${why}`
          : `${base.name} gets no updates for ${key}, and may no longer list it: ${why}`,
        hint: name
          ? `the last one is ${familiarReference(name)}; migrate --style per-arch writes it`
          : `choose another image or leave ${key} out; mabuild check --online asks the registry`,
        range: siteRange(site),
        fix: 'none',
        edits: [],
      },
    ];
  });
}

function missingFinding(
  rule: string,
  dockerfile: Dockerfile,
  site: ImageSite,
  missing: readonly Platform[],
  has: readonly Platform[],
): Finding {
  const { reference } = site.use;
  const better = betterTag(reference, missing);
  const names = [...new Set(has.map((platform) => formatPlatform(platform)))].join(', ');
  return {
    rule,
    severity: 'error',
    platforms: missing,
    message: `${site.use.base.name} has no image for ${formatPlatformList(missing)}`,
    hint: better
      ? `${familiarReference(better.reference)} lists ${formatPlatformList(missing)}`
      : (beforeIndexes(reference) ??
        `it lists ${names || 'no platform'}; choose another image or leave ${formatPlatformList(missing)} out`),
    range: siteRange(site),
    fix: better ? (better.sameVersion ? 'semi' : 'suggest') : 'none',
    edits: better ? renameSite(dockerfile, site, better.reference) : [],
  };
}

/** `arm32v7/openjdk:8-jre`: the tag is no longer made for ARM; what was pushed when it was is still there. */
function endedFinding(rule: string, site: ImageSite, missing: readonly Platform[]): Finding {
  return {
    rule,
    severity: 'warning',
    platforms: missing,
    message: `${site.use.base.name} is no longer made for ${formatPlatformList(missing)}`,
    hint: 'what there is of it gets no updates; choose a tag that lists the platform',
    range: siteRange(site),
    fix: 'none',
    edits: [],
  };
}

/** Tags that ended before indexes came have x86 alone under the plain name. */
function beforeIndexes(reference: ImageReference): string | undefined {
  const repository = officialRepository(reference);
  const tag = reference.tag ?? 'latest';
  const x64: Platform = { os: 'linux', architecture: 'amd64' };
  if (repository === undefined || reference.digest !== undefined) return undefined;
  const has = officialImagePlatforms(repository, tag);
  const isOld =
    has?.length === 1 &&
    officialTagsWith(repository, { os: 'linux', architecture: 'arm64' }).length > 0 &&
    !officialTagsWith(repository, x64).includes(tag);
  return isOld
    ? `the tag ended before September 2017, when ARM images had other names, such as arm32v6/ or armhf/ in front; take a newer tag`
    : undefined;
}

function lowerFinding(
  rule: string,
  site: ImageSite,
  platforms: readonly Platform[],
  has: readonly Platform[],
): Finding {
  // ARMv6 with hard floats runs well on ARMv7; ARMv5 computes floats in software.
  const isSoft = platforms.some(
    (platform) => !has.some((other) => isArmV6(other) && serves(other, platform)),
  );
  return {
    rule,
    severity: isSoft ? 'warning' : 'info',
    platforms,
    message: `${site.use.base.name} has no image for ${formatPlatformList(platforms)}; one for an older processor is taken`,
    hint: isSoft
      ? 'it runs, but is soft-float; an Alpine variant often has the platform itself'
      : 'it is for ARMv6, and runs',
    range: siteRange(site),
    fix: 'none',
    edits: [],
  };
}

/** A tag of the same official image that has every missing platform. */
function betterTag(
  reference: ImageReference,
  missing: readonly Platform[],
): { readonly reference: ImageReference; readonly sameVersion: boolean } | undefined {
  const repository = officialRepository(reference);
  const tag = reference.tag ?? 'latest';
  if (repository === undefined || reference.digest !== undefined) return undefined;
  const tags = new Set(missing.map((platform) => suggestTag(repository, tag, platform)));
  const [better] = tags;
  if (tags.size !== 1 || better === undefined || better === tag) return undefined;
  const version = (text: string): string | undefined => /^v?\d+(?:\.\d+)*/.exec(text)?.[0];
  const sameVersion = version(tag) !== undefined && version(tag) === version(better);
  return { reference: withTag(reference, better), sameVersion };
}

function isArmV6({ architecture, variant }: Platform): boolean {
  return architecture === 'arm' && variant === 'v6';
}
