import { namespaceFindings } from './namespace-finding.ts';
import type { Rule } from './rule.ts';

const name = 'deprecated-arm-namespace';
const mirrors: ReadonlySet<string> = new Set(['armhf', 'aarch64', 'armel']);

export const deprecatedArmNamespace: Rule = {
  name,
  summary: 'armhf/, aarch64/, resin/ and others are no longer updated.',
  async check(dockerfile, context) {
    return namespaceFindings(name, dockerfile, context, ({ kind, namespace, platform }) => {
      if (kind !== 'legacy' || platform.architecture === 'amd64' || platform.architecture === '386')
        return undefined;
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
