import { familiarReference, formatPlatformList, type ImageReference } from '@mabuild/oci';
import { readNamespace } from '../knowledge/namespaces.ts';
import { isOfficialImage } from '../knowledge/official-images.ts';
import { readVendorImage } from '../knowledge/vendor-images.ts';
import { armPlatforms } from './code-finding.ts';
import { imageSites, siteRange } from './image-sites.ts';
import { lacksStage } from './missing-stage.ts';
import type { Finding, Rule } from './rule.ts';
import { windowsImage } from './windows-base.ts';

const name = 'third-party-base-unknown';

export const thirdPartyBaseUnknown: Rule = {
  name,
  summary: 'Which platforms the image has is not known offline.',
  page: {
    why: 'The tables that come with mabuild know the official images and a few vendors. Of other images only the registry can say which platforms they have.',
    bad: 'FROM foo/bar:1',
    good: 'FROM debian:12',
    silent: [
      'A registry was asked and answered.',
      'Another rule speaks of the image: it is pinned by a digest, for Windows, or names an architecture.',
    ],
  },
  async check(dockerfile, context) {
    const arms = armPlatforms(context);
    const seen = new Set<string>();
    const findings: Finding[] = [];
    for (const site of imageSites(dockerfile, context)) {
      const { reference, base } = site.use;
      const platforms = site.platforms.filter((platform) => arms.includes(platform));
      if (platforms.length === 0 || seen.has(base.name) || !isUnknown(reference, base.name)) continue;
      if (lacksStage(dockerfile, site, context)) continue;
      if (await context.images.platformsOf(familiarReference(reference))) continue;
      seen.add(base.name);
      findings.push({
        rule: name,
        severity: 'info',
        platforms,
        message: `whether ${base.name} has ${formatPlatformList(platforms)} is not known`,
        hint: 'ask its registry: check --online',
        range: siteRange(site),
        fix: 'none',
        edits: [],
      });
    }
    return findings;
  },
};

function isUnknown(reference: ImageReference, text: string): boolean {
  const { registry, repository, digest } = reference;
  if (
    digest !== undefined ||
    readVendorImage(reference) ||
    readNamespace(reference) ||
    windowsImage.test(text)
  )
    return false;
  const cuda = registry === 'nvcr.io' || repository.startsWith('nvidia/');
  const x86 = /(?:^|[-_./])(?:amd64|x86[_-]64|x64)(?=[-_./:]|$)/.test(text);
  return (
    !cuda && !x86 && !(registry === 'docker.io' && isOfficialImage(repository.replace(/^library\//, '')))
  );
}
