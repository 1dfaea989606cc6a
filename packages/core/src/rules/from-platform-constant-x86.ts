import { normalizePlatform } from '@mabuild/oci';
import { imageSites } from './image-sites.ts';
import type { Rule } from './rule.ts';

const name = 'from-platform-constant-x86';

export const fromPlatformConstantX86: Rule = {
  name,
  summary: 'FROM --platform is fixed to x86.',
  page: {
    why: 'FROM --platform=linux/amd64 gives the x86 image for every platform that is built. If the stage is the last one, or programs of it are copied into the last one, the ARM image holds x86 programs.',
    bad: 'FROM --platform=linux/amd64 debian:bookworm',
    good: 'FROM debian:bookworm',
    silent: [
      'When the flag is $BUILDPLATFORM or another variable.',
      'When only x86 platforms are asked for.',
    ],
  },
  async check(dockerfile, context) {
    return imageSites(dockerfile, context).flatMap(({ use, platforms }) => {
      const { flag } = use;
      if (
        use.kind !== 'from' ||
        !flag?.value ||
        flag.value.includes('$') ||
        !isX86(use.platform.architecture)
      )
        return [];
      const others = platforms.filter((platform) => !isX86(normalizePlatform(platform).architecture));
      if (others.length === 0) return [];
      return [
        {
          rule: name,
          severity: 'error' as const,
          platforms: others,
          message: `the stage is ${flag.value}, whatever platform is built`,
          hint: 'leave the flag out; write --platform=$BUILDPLATFORM for a stage whose output suits every platform',
          range: flag.range,
          fix: 'auto' as const,
          edits: [{ start: flag.range.start, end: use.stage.base.range.start, newText: '' }],
        },
      ];
    });
  },
};

function isX86(architecture: string): boolean {
  return architecture === 'amd64' || architecture === '386';
}
