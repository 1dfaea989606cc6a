import { siteKey } from '../analysis/arch-places.ts';
import { type CodeWord, noScript, readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms, placesFor, siteKeys, spanRange, variationAt } from './code-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import { projectNames } from './project-names.ts';
import { isRootfs } from './rootfs-tarball.ts';
import type { Rule } from './rule.ts';

const name = 'prebuilt-x86-file';
const text = /\.(?:txt|md|json|ya?ml|toml|conf|cfg|ini|list|repo|env|patch|sources)$/i;

export const prebuiltX86File: Rule = {
  name,
  summary: 'COPY or ADD takes a file of the context that is named for x86.',
  page: {
    why: 'A program that was built before, for x86, is copied into the image of every platform.',
    bad: 'FROM debian:bookworm\nCOPY bin/app-linux-amd64 /usr/local/bin/app',
    good: 'FROM debian:bookworm\nARG TARGETARCH\nARG TARGETVARIANT\nCOPY bin/app-linux-${TARGETARCH}${TARGETVARIANT} /usr/local/bin/app',
    perArch: { platform: 'linux/arm/v7', text: 'COPY bin/app-linux-armv7 /usr/local/bin/app' },
    silent: ['The file comes from another stage or image.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, wordsOf.x86)) return [];
    const reading = readCode(dockerfile, context);
    const covered = siteKeys(await placesFor(dockerfile, context));
    return reading
      .wordsAbout(noScript)
      .filter(isContextFile)
      .flatMap((word) => {
        const tokens = archTokens(word.mapped.text).filter(({ start, end }) => {
          const site = siteAt(word.mapped, start, end);
          return !site || !covered.has(siteKey(site));
        });
        const [token] = tokens;
        if (!token) return [];
        const isText = text.test(word.mapped.text);
        const variation = variationAt(
          word.mapped,
          token,
          'arch',
          projectNames(word.mapped.text, token, platforms.length === 1),
        );
        const written = !isText && tokens.length === 1 && variation !== undefined;
        return [
          {
            rule: name,
            severity: isText ? ('warning' as const) : ('error' as const),
            platforms,
            message: `${word.mapped.text} is named for x86`,
            hint: written
              ? 'provide the file of each platform under its name: without it the build stops at COPY, instead of taking the x86 one'
              : 'give the file of each platform a name with ${TARGETARCH}${TARGETVARIANT} in it: amd64, arm64, armv7',
            range: spanRange(word, token),
            fix: written ? ('semi' as const) : ('none' as const),
            edits: [],
            ...(written ? { variations: [variation] } : {}),
          },
        ];
      });
  },
};

function isContextFile(word: CodeWord): boolean {
  return (
    word.role === 'source' &&
    !isRootfs(word) &&
    !word.guarded &&
    !word.buildPlatform &&
    !word.mapped.text.includes('://') &&
    !word.instruction.flags.some((flag) => flag.name === 'from')
  );
}
