import { isX86 } from '../knowledge/x86-platform.ts';
import { namespaceFindings } from './namespace-finding.ts';
import type { Rule } from './rule.ts';

const name = 'x86-namespace';

export const x86Namespace: Rule = {
  name,
  summary: 'A namespace such as amd64/ ties the image to x86.',
  page: {
    why: 'Images under amd64/, i386/ and their kin are x86 images, whatever platform is built: the ARM image then holds x86 programs. The same name without the namespace is an index that has every platform.',
    bad: 'FROM amd64/debian:bookworm',
    good: 'FROM debian:bookworm',
    perArch: { platform: 'linux/arm/v7', text: 'FROM arm32v7/debian:bookworm' },
    silent: ['When only x86 platforms are asked for.'],
  },
  async check(dockerfile, context) {
    return namespaceFindings(name, dockerfile, context, ({ platform }) => {
      if (!isX86(platform)) return undefined;
      // A 32-bit x86 image on an x64 host is often a tool that is meant.
      const severity = platform.architecture === 'amd64' ? 'error' : 'warning';
      const fix = platform.architecture === 'amd64' ? 'auto' : 'suggest';
      return { severity, fix, message: (image, only) => `${image} is for ${only} only` };
    });
  },
};
