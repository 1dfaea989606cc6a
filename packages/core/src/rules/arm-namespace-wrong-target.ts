import { familiarReference } from '@mabuild/oci';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { readNamespace } from '../knowledge/namespaces.ts';
import { readVendorImage } from '../knowledge/vendor-images.ts';
import { isX86 } from '../knowledge/x86-platform.ts';
import { type ImageSite, imageSites, renameSite, siteRange } from './image-sites.ts';
import { namespaceFindings } from './namespace-finding.ts';
import type { Finding, Rule } from './rule.ts';
import { vendorNames } from './vendor-names.ts';

const name = 'arm-namespace-wrong-target';

export const armNamespaceWrongTarget: Rule = {
  name,
  summary: 'A namespace such as arm64v8/ names another architecture than the one that is built.',
  page: {
    why: 'arm64v8/, arm32v7/, arm32v6/ and arm32v5/ hold one architecture each. Built for another one, the image is emulated or refused, and what comes of it is labelled for a platform that it is not for.',
    bad: 'FROM arm64v8/debian:bookworm',
    good: 'FROM debian:bookworm',
    perArch: { platform: 'linux/arm/v7', text: 'FROM arm32v7/debian:bookworm' },
    silent: ['When the namespace is that of the only platform asked for.'],
  },
  async check(dockerfile, context) {
    const official = namespaceFindings(name, dockerfile, context, ({ kind, platform }) =>
      kind === 'official' && !isX86(platform)
        ? { severity: 'error', fix: 'auto', message: (image, only) => `${image} is for ${only} only` }
        : undefined,
    );
    const others = imageSites(dockerfile, context).flatMap((site) => vendorFinding(dockerfile, site));
    return [...official, ...others];
  },
};

/** `baseimage-alpine:arm64v8-3.17`: the vendor's word for another ARM. */
function vendorFinding(dockerfile: Dockerfile, site: ImageSite): readonly Finding[] {
  const { reference, base } = site.use;
  const vendor = readNamespace(reference) ? undefined : readVendorImage(reference);
  const own = vendor?.platform;
  if (!vendor || own === undefined || !own.startsWith('linux/arm')) return [];
  const platforms = site.platforms.filter((platform) => platformKey(platform) !== own);
  if (platforms.length === 0) return [];
  const { index } = vendor;
  const serves = index !== undefined && platforms.every((platform) => vendor.nameFor(platform) !== undefined);
  return [
    {
      rule: name,
      severity: 'error',
      platforms,
      message: `${base.name} is for ${own} only`,
      hint: serves
        ? `${familiarReference(index)} is the same image for every platform`
        : (vendorNames(reference, platforms) ?? 'choose an image that has the platform'),
      range: siteRange(site),
      fix: serves ? 'auto' : 'none',
      edits: serves ? renameSite(dockerfile, site, index) : [],
    },
  ];
}
