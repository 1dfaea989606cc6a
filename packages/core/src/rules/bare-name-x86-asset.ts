import { readCode } from '../analysis/code-words.ts';
import { findDownloads } from '../analysis/downloads.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import { urlFindings } from './download-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
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
      'The file is in no table, and is neither said to be for Linux nor a file of a release without any ending.',
      'The file is a source, a list of checksums or the like.',
    ],
  },
  async check(dockerfile, context) {
    return [
      ...(await urlFindings(name, dockerfile, context)),
      ...(mentions(dockerfile, context, wordsOf.address) ? unknownFindings(dockerfile, context) : []),
    ];
  },
};

/** `foo-1.0-linux.tar.gz`: a program for a system, and for which processor it does not say. */
const forLinux =
  /(?<!(?:^|[-_.])(?:util|gnu|se|sys|arch|alpine))[-_.]linux(?:[-_.](?!.*(?:src|source|headers|firmware|kernel|noarch|\ball\b|any)).*)?\.(?:tar(?:\.\w+)?|t[gbx]z|zip|gz|xz|bz2|bin|run|sh)$/i;

/** `releases/download/v1/helm`: a program of a release, and nothing more is said; some are scripts for every processor. */
const ofRelease =
  /\/releases\/(?:latest\/)?download\/(?:[^/]+\/)?(?!yt-dlp|youtube-dl|.*(?:install|setup|script|sums?$|checksums?|license|readme|version))[a-z][\w-]*$/i;

/** Files that no table knows: they are most often for x86, and somebody should look. */
function unknownFindings(dockerfile: Dockerfile, context: RuleContext): readonly Finding[] {
  const platforms = armPlatforms(context);
  if (platforms.length === 0) return [];
  const seen = new Set<string>();
  return findDownloads(readCode(dockerfile, context)).flatMap(({ asset, spans, url, start, word }) => {
    if (asset || spans.length > 0 || word.buildPlatform || word.mapped.switched) return [];
    const [path = ''] = url.split(/[?#]/);
    const file = path.slice(path.lastIndexOf('/') + 1);
    if (/[$`]|arm|aarch/i.test(path)) return [];
    const isLinux = forLinux.test(file);
    if (!isLinux && !ofRelease.test(path)) return [];
    const range = spanRange(word, { start, end: start + url.length });
    const key = `${range.start} ${range.end}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [
      {
        rule: name,
        severity: isLinux ? 'warning' : 'info',
        platforms,
        message: `the name of ${file} does not say for which processor it is: it may be x86 alone`,
        hint: 'look whether its publisher has one for ARM, and choose it with a case on TARGETARCH',
        range,
        fix: 'none',
        edits: [],
      },
    ];
  });
}
