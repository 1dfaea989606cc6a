import { readCode } from '../analysis/code-words.ts';
import { type Download, findDownloads } from '../analysis/downloads.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import { shortened } from './download-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { Rule } from './rule.ts';

const name = 'no-asset-for-target';

export const noAssetForTarget: Rule = {
  name,
  summary: 'What is downloaded is not published for a platform.',
  page: {
    why: 'There is no such file for the platform, under no name. The distribution often has a package of the same program; otherwise it has to be built, or done without.',
    bad: 'FROM debian:bookworm\nRUN curl -fsSLo /usr/local/bin/dumb-init https://github.com/Yelp/dumb-init/releases/download/v1.2.5/dumb-init_1.2.5_x86_64',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y dumb-init',
    silent: ['Nobody knows whether the file is published: then the address itself is reported.'],
  },
  async check(dockerfile, context) {
    if (!mentions(dockerfile, context, wordsOf.address)) return [];
    const reading = readCode(dockerfile, context);
    const reported = new Set<string>();
    return findDownloads(reading).flatMap((download) => {
      if (download.word.buildPlatform) return [];
      const missing = (download.asset?.absent ?? []).flatMap(({ platform, ...rest }) => {
        const asked = armPlatforms(context).find((other) => platformKey(other) === platform);
        return asked ? [{ platform: asked, ...rest }] : [];
      });
      const [first] = missing;
      const range = spanRange(download.word, placeOf(download));
      const key = `${range.start} ${range.end}`;
      if (!first || reported.has(key)) return [];
      reported.add(key);
      const packages = Object.entries(first.fallback ?? {}).filter(([kind]) => kind !== 'note');
      return [
        {
          rule: name,
          severity: 'error' as const,
          platforms: missing.map(({ platform }) => platform),
          message: `${first.reason}: ${shortened(download.url)}`,
          hint:
            packages.length > 0
              ? `the distribution has it: ${packages.map(([kind, text]) => `${kind}: ${text}`).join(', ')}`
              : (first.fallback?.note ??
                'leave the step out on this platform, or build the program from its source'),
          range,
          fix: 'none' as const,
          edits: [],
        },
      ];
    });
  },
};

/** The part that names x86, else the whole address. */
function placeOf({ spans, start, url }: Download): { readonly start: number; readonly end: number } {
  const span = spans.find((item) => item.end > item.start);
  return span ?? { start, end: start + url.length };
}
