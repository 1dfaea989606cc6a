import { urlFindings } from './download-finding.ts';
import type { Rule } from './rule.ts';

const name = 'x86-package-file';

export const x86PackageFile: Rule = {
  name,
  summary: 'A .deb or .rpm for x86 is downloaded.',
  page: {
    why: 'dpkg and rpm refuse a package of another architecture. The name for ARM follows a rule (arm64, armhf; aarch64, armv7hl), but whether the publisher makes such a package only the publisher knows.',
    bad: 'FROM debian:bookworm\nRUN curl -fsSLO https://example.org/foo_1.0_amd64.deb && dpkg -i foo_1.0_amd64.deb',
    good: 'FROM debian:bookworm\nRUN a="$(dpkg --print-architecture)" && curl -fsSLO "https://example.org/foo_1.0_$a.deb" && dpkg -i "foo_1.0_$a.deb"',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'RUN curl -fsSLO https://example.org/foo_1.0_armhf.deb && dpkg -i foo_1.0_armhf.deb',
    },
    silent: ['The package is for all architectures: _all.deb, .noarch.rpm.'],
  },
  async check(dockerfile, context) {
    return urlFindings(name, dockerfile, context);
  },
};
