import { isX86 } from '../knowledge/x86-platform.ts';
import { namespaceFindings } from './namespace-finding.ts';
import type { Rule } from './rule.ts';

const name = 'deprecated-arm-namespace';
const mirrors: ReadonlySet<string> = new Set(['armhf', 'aarch64', 'armel']);

export const deprecatedArmNamespace: Rule = {
  name,
  summary: 'armhf/, aarch64/, resin/ and others are no longer updated.',
  page: {
    why: 'armhf/, aarch64/, resin/, hypriot/ and others were the ARM images of before indexes. Nobody updates them any more: no security fixes, and some cannot be pulled. The official image of the same name has ARM today.',
    bad: 'FROM armhf/debian:jessie',
    good: 'FROM debian:bookworm',
    perArch: { platform: 'linux/arm/v7', text: 'FROM arm32v7/debian:bookworm' },
  },
  async check(dockerfile, context) {
    return namespaceFindings(name, dockerfile, context, ({ kind, namespace, platform }) => {
      if (kind !== 'legacy' || isX86(platform)) return undefined;
      return {
        // What balena left can still be pulled.
        severity: namespace === 'balenalib' ? 'info' : 'warning',
        fix: mirrors.has(namespace) ? 'semi' : 'suggest',
        message: (image, only) => `${image} is no longer updated, and for ${only} only`,
        always: true,
      };
    });
  },
};
