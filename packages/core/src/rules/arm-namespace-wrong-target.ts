import { namespaceFindings } from './namespace-finding.ts';
import type { Rule } from './rule.ts';

const name = 'arm-namespace-wrong-target';

export const armNamespaceWrongTarget: Rule = {
  name,
  summary: 'A namespace such as arm64v8/ names another architecture than the one that is built.',
  async check(dockerfile, context) {
    return namespaceFindings(name, dockerfile, context, ({ kind, platform }) =>
      kind === 'official' && platform.architecture !== 'amd64' && platform.architecture !== '386'
        ? { severity: 'error', fix: 'auto', message: (image, only) => `${image} is for ${only} only` }
        : undefined,
    );
  },
};
