import { imageSites, siteRange } from './image-sites.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'windows-base';

/** Names of images that run on Windows alone. */
export const windowsImage: RegExp =
  /windowsservercore|nanoserver|\bwindows\/|:(?:[^/]*-)?windows-|microsoft\/[^:]*windows/i;

export const windowsBase: Rule = {
  name,
  summary: 'The base image is for Windows.',
  page: {
    why: 'An image on Windows Server Core or Nano Server is for Windows hosts; there is no Linux on ARM to make of it.',
    bad: 'FROM mcr.microsoft.com/windows/nanoserver:ltsc2022',
    good: 'FROM debian:12-slim',
  },
  async check(dockerfile, context) {
    if (!/windows|nanoserver/i.test(dockerfile.text)) return [];
    const seen = new Set<string>();
    return imageSites(dockerfile, context).flatMap((site): readonly Finding[] => {
      const { base, kind } = site.use;
      const platforms = site.platforms.filter(({ os }) => os === 'linux');
      if (kind !== 'from' || platforms.length === 0 || !windowsImage.test(base.name) || seen.has(base.name))
        return [];
      seen.add(base.name);
      return [
        {
          rule: name,
          severity: 'error',
          platforms,
          message: `${base.name} is for Windows`,
          hint: 'mabuild makes Linux images; leave this file out',
          range: siteRange(site),
          fix: 'none',
          edits: [],
        },
      ];
    });
  },
};
