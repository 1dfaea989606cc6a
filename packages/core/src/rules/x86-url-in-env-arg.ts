import { urlFindings } from './download-finding.ts';
import type { Rule } from './rule.ts';

const name = 'x86-url-in-env-arg';

export const x86UrlInEnvArg: Rule = {
  name,
  summary: 'An ENV or ARG holds the address of a file that is made for x86.',
  page: {
    why: 'The address stands far from the RUN that fetches it, so that it is easy to overlook. ENV and ARG know no case: in a portable file the value comes from a stage for each architecture, or from the RUN that uses it.',
    bad: 'FROM debian:bookworm\nENV GOSU_URL=https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64\nRUN curl -fsSLo /usr/local/bin/gosu "$GOSU_URL"',
    good: 'FROM debian:bookworm\nENV GOSU_URL=https://github.com/tianon/gosu/releases/download/1.17/gosu\nRUN curl -fsSLo /usr/local/bin/gosu "$GOSU_URL-$(dpkg --print-architecture)"',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'ENV GOSU_URL=https://github.com/tianon/gosu/releases/download/1.17/gosu-armhf',
    },
    silent: ['The stage is FROM --platform=$BUILDPLATFORM or is named for an architecture.'],
  },
  async check(dockerfile, context) {
    return urlFindings(name, dockerfile, context);
  },
};
