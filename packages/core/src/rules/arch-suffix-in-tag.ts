import { familiarReference, formatPlatform, normalizePlatform, platformsEqual, withTag } from '@mabuild/oci';
import { imageSites, renameSite, siteRange } from './image-sites.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'arch-suffix-in-tag';
const suffix = /(^|[-_.])(?:amd64|x86_64|x64)(?=[-_.]|$)/;

export const archSuffixInTag: Rule = {
  name,
  summary: 'The tag names x86, e.g. 8.0-bookworm-slim-amd64.',
  page: {
    why: 'A tag such as 3.1-amd64 is one x86 image and no index. The tag without the suffix is usually the index of every platform.',
    bad: 'FROM mcr.microsoft.com/dotnet/runtime:8.0-bookworm-slim-amd64',
    good: 'FROM mcr.microsoft.com/dotnet/runtime:8.0-bookworm-slim',
    silent: ['When only x86 platforms are asked for.'],
  },
  async check(dockerfile, context) {
    const findings: Finding[] = [];
    for (const site of imageSites(dockerfile, context)) {
      const { reference, base } = site.use;
      const platforms = site.platforms.filter(
        (platform) => normalizePlatform(platform).architecture !== 'amd64',
      );
      const tag = reference.tag ?? '';
      if (platforms.length === 0 || !suffix.test(tag)) continue;
      const shorter = tag.replace(suffix, '').replace(/^[-_.]/, '');
      const plain =
        shorter === '' || reference.digest !== undefined ? undefined : withTag(reference, shorter);
      const has = plain && (await context.images.platformsOf(familiarReference(plain)));
      const proven =
        has && platforms.every((platform) => has.some((other) => platformsEqual(other, platform)));
      findings.push({
        rule: name,
        severity: 'error',
        platforms,
        message: `the tag of ${base.name} names x86`,
        hint: plain
          ? `${familiarReference(plain)} ${proven ? 'has' : 'may have'} ${platforms.map((platform) => formatPlatform(platform)).join(', ')}`
          : 'choose a tag that is for every platform',
        range: siteRange(site),
        fix: plain ? (proven ? 'auto' : 'suggest') : 'none',
        edits: plain ? renameSite(dockerfile, site, plain) : [],
      });
    }
    return findings;
  },
};
