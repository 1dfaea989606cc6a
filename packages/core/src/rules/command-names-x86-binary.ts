import { siteKey } from '../analysis/arch-places.ts';
import { readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms, placesFor, siteKeys, spanRange } from './code-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { Rule } from './rule.ts';
import { derivedFinding, isCommand } from './x86-name-from-archive.ts';

const name = 'command-names-x86-binary';

export const commandNamesX86Binary: Rule = {
  name,
  summary: 'CMD, ENTRYPOINT or HEALTHCHECK names a program for x86.',
  page: {
    why: 'The command of the image is the same text on every platform, but the file that it names is not: the container does not start.',
    bad: 'FROM debian:bookworm\nCOPY --from=build /out /usr/local/bin\nENTRYPOINT ["/usr/local/bin/server_linux_amd64"]',
    good: 'FROM debian:bookworm\nCOPY --from=build /out /usr/local/bin\nENTRYPOINT ["/usr/local/bin/server"]',
    perArch: { platform: 'linux/arm64', text: 'ENTRYPOINT ["/usr/local/bin/server_linux_arm64"]' },
    silent: ['The name is a multiarch folder such as x86_64-linux-gnu: multiarch-libdir speaks of it.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0) return [];
    const places = (await placesFor(dockerfile, context)).filter(({ word }) => isCommand(word));
    const covered = siteKeys(places);
    const derived = places
      .filter(({ kind }) => kind === 'derived')
      .flatMap((place) => derivedFinding(name, place, context));
    if (!mentions(dockerfile, context, wordsOf.x86)) return derived;
    const others = readCode(dockerfile, context)
      .wordsAbout(wordsOf.x86)
      .filter(isCommand)
      .flatMap((word) =>
        archTokens(word.mapped.text).flatMap((token) => {
          const site = siteAt(word.mapped, token.start, token.end);
          if (!site || covered.has(siteKey(site)) || word.guarded || word.mapped.text.includes('://'))
            return [];
          if (/^-(?:linux|unknown|pc)-/.test(word.mapped.text.slice(token.end))) return [];
          covered.add(siteKey(site));
          return [
            {
              rule: name,
              severity: 'error' as const,
              platforms,
              message: `the command names a program for x86: ${word.mapped.text}`,
              hint: 'give the program a name without the architecture where it is installed: ln -s, or COPY to the name',
              range: spanRange(word, token),
              fix: 'none' as const,
              edits: [],
            },
          ];
        }),
      );
    return [...derived, ...others];
  },
};
