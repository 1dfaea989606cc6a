import { namespaceFindings } from './namespace-finding.ts';
import type { Rule } from './rule.ts';

const name = 'x86-namespace';

export const x86Namespace: Rule = {
  name,
  summary: 'A namespace such as amd64/ ties the image to x86.',
  async check(dockerfile, context) {
    return namespaceFindings(name, dockerfile, context, ({ platform }) => {
      if (platform.architecture !== 'amd64' && platform.architecture !== '386') return undefined;
      // A 32-bit x86 image on an x64 host is often a tool that is meant.
      const severity = platform.architecture === 'amd64' ? 'error' : 'warning';
      const fix = platform.architecture === 'amd64' ? 'auto' : 'suggest';
      return { severity, fix, message: (image, only) => `${image} is for ${only} only` };
    });
  },
};
