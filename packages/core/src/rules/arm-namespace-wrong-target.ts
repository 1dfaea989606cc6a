import { namespaceFindings } from './namespace-finding.ts';
import type { Rule } from './rule.ts';

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
    return namespaceFindings(name, dockerfile, context, ({ kind, platform }) =>
      kind === 'official' && platform.architecture !== 'amd64' && platform.architecture !== '386'
        ? { severity: 'error', fix: 'auto', message: (image, only) => `${image} is for ${only} only` }
        : undefined,
    );
  },
};
