import { familiarReference, formatPlatformList, platformsEqual } from '@mabuild/oci';
import { armPlatforms } from './code-finding.ts';
import { imageSites, renameSite, siteRange } from './image-sites.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'digest-pinned-base';

export const digestPinnedBase: Rule = {
  name,
  summary: 'A digest may pin the image to one platform.',
  page: {
    why: 'A digest names one content. The digest of an index serves every platform; the digest of one platform’s image, which docker inspect used to show, makes every build take that image.',
    bad: 'FROM golang:1.23@sha256:51a6466e8dbf3e00e422eb0f7a97ac450b2d57b33617bbe8d2ee0bddcd9d0d37',
    good: 'FROM golang:1.23',
    silent: ['A registry was asked, and the digest is that of an index with the platform.'],
  },
  async check(dockerfile, context) {
    if (!dockerfile.text.includes('@sha256:')) return [];
    const arms = armPlatforms(context);
    const findings: Finding[] = [];
    for (const site of imageSites(dockerfile, context)) {
      const { digest, tag, ...bare } = site.use.reference;
      const platforms = site.platforms.filter((platform) => arms.includes(platform));
      if (digest === undefined || platforms.length === 0) continue;
      const at = { rule: name, platforms, range: siteRange(site) };
      const list = formatPlatformList(platforms);
      const pinned = await context.images.platformsOf(familiarReference({ ...bare, digest }));
      if (!pinned) {
        findings.push({
          ...at,
          severity: 'warning',
          message: `${familiarReference({ ...bare, ...(tag === undefined ? {} : { tag }) })} is pinned by a digest; whether that has ${list} is not known`,
          hint: 'ask its registry, check --online: the digest of an index is fine',
          fix: 'none',
          edits: [],
        });
        continue;
      }
      if (platforms.every((platform) => pinned.some((other) => platformsEqual(other, platform)))) continue;
      const tagged = tag === undefined ? undefined : { ...bare, tag };
      const has = tagged && (await context.images.platformsOf(familiarReference(tagged)));
      const proven = platforms.every((platform) => has?.some((other) => platformsEqual(other, platform)));
      findings.push({
        ...at,
        severity: 'error',
        message: `the digest is not that of an index with ${list}`,
        hint:
          tagged && proven
            ? `${familiarReference(tagged)} is an index that has them; pin its digest`
            : 'take the digest of the index, docker buildx imagetools inspect shows it',
        fix: tagged && proven ? 'semi' : 'none',
        edits: tagged && proven ? renameSite(dockerfile, site, tagged) : [],
      });
    }
    return findings;
  },
};
