import { urlFindings } from './download-finding.ts';
import type { Rule } from './rule.ts';

const name = 'bare-name-x86-asset';

export const bareNameX86Asset: Rule = {
  name,
  summary: 'A download whose name tells no architecture is made for x86.',
  page: {
    why: 'Some publishers give the x86 file the plain name and only the others a suffix: `tini` is x86, `tini-arm64` is not. Nothing in the address shows it.',
    bad: 'FROM debian:bookworm\nADD https://github.com/krallin/tini/releases/download/v0.19.0/tini /tini',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y tini',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'ADD https://github.com/krallin/tini/releases/download/v0.19.0/tini-armhf /tini',
    },
    silent: ['The file is not in the table of such names.'],
  },
  async check(dockerfile, context) {
    return urlFindings(name, dockerfile, context);
  },
};
