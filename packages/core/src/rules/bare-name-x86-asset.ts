import { readCode } from '../analysis/code-words.ts';
import { findDownloads } from '../analysis/downloads.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import { urlFindings } from './download-finding.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

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
    silent: [
      'The file is in no table, and its name does not say linux or says an architecture too.',
      'The file is a source, a list of checksums or the like.',
    ],
  },
  async check(dockerfile, context) {
    return [
      ...(await urlFindings(name, dockerfile, context)),
      ...(/[-_.]linux[-_.]/i.test(dockerfile.text) ? unknownFindings(dockerfile, context) : []),
    ];
  },
};

/** `foo-1.0-linux.tar.gz`: a program for a system, and for which processor it does not say. */
const forLinux =
  /(?<!(?:^|[-_.])(?:util|gnu|se|sys|arch|alpine))[-_.]linux(?:[-_.](?!.*(?:src|source|headers|firmware|kernel|noarch|\ball\b|any)).*)?\.(?:tar(?:\.\w+)?|t[gbx]z|zip|gz|xz|bz2|bin|run|sh)$/i;

/** Files that no table knows: they are most often for x86, and somebody should look. */
function unknownFindings(dockerfile: Dockerfile, context: RuleContext): readonly Finding[] {
  const platforms = armPlatforms(context);
  if (platforms.length === 0) return [];
  return findDownloads(readCode(dockerfile, context)).flatMap(({ asset, spans, url, start, word }) => {
    if (asset || spans.length > 0 || word.buildPlatform || word.mapped.switched) return [];
    const [path = ''] = url.split(/[?#]/);
    const file = path.slice(path.lastIndexOf('/') + 1);
    if (/[$`]|arm|aarch/i.test(path) || !forLinux.test(file)) return [];
    return [
      {
        rule: name,
        severity: 'warning',
        platforms,
        message: `${file} is for Linux, on which processor its name does not say: it may be x86 alone`,
        hint: 'look whether its publisher has one for ARM, and choose it with a case on TARGETARCH',
        range: spanRange(word, { start, end: start + url.length }),
        fix: 'none',
        edits: [],
      },
    ];
  });
}
