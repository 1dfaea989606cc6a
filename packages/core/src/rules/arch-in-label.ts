import { type CodeWord, noScript, readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { platformKey } from '../fixes/variation.ts';
import { archTokens, nameIn, type Vocabulary } from '../knowledge/architecture-names.ts';
import { armPlatforms } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'arch-in-label';

/** The vocabulary of a label is that of its value: Red Hat's labels say x86_64. */
const vocabularies: Readonly<Record<string, Vocabulary>> = { amd64: 'goarch', x86_64: 'uname', x64: 'node' };

const trigger = /LABEL/i;

export const archInLabel: Rule = {
  name,
  summary: 'A label says that the image is for x86.',
  page: {
    why: 'The label is copied into the image for every platform: whoever reads it takes an ARM image for an x86 one. The image itself works.',
    bad: 'FROM debian:12\nLABEL architecture="amd64"',
    good: 'FROM debian:12\nARG TARGETARCH\nLABEL architecture="${TARGETARCH}"',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM --platform=linux/arm64 arm64v8/debian:12\nLABEL architecture="arm64"',
    },
    silent: ['The label lists ARM too.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(noScript)
      .flatMap((word): readonly WordHit[] => {
        if (word.role !== 'label') return [];
        const { text } = word.mapped;
        if (!/arch|platform/i.test(word.name ?? '')) return namedInside(word);
        const value = /^(?:linux\/)?(amd64|x86_64|x64)$/.exec(text)?.[1];
        const vocabulary = value === undefined ? undefined : vocabularies[value];
        if (value === undefined || !vocabulary) return namedInside(word);
        // What comes from an ARG is for whoever builds to say.
        const start = text.length - value.length;
        const site = siteAt(word.mapped, start, text.length);
        if (site?.instruction !== word.instruction) return [];
        const texts: Record<string, string> = {};
        for (const platform of platforms) {
          const key = platformKey(platform);
          // linux/arm/v7 is a platform, linux/arm is none.
          const own = text.startsWith('linux/') ? key.slice('linux/'.length) : nameIn(vocabulary, platform);
          if (own !== undefined) texts[key] = own;
        }
        return [
          {
            word,
            start,
            end: text.length,
            texts,
            severity: 'info',
            message: `the label says ${text} in every image`,
          },
        ];
      });
    return findingsOf(name, dockerfile, context, hits);
  },
};

/** A name such as `me/app:1_amd64`: what it is for ARM, only its author knows. */
function namedInside(word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  const [token] = archTokens(text);
  const site = token && siteAt(word.mapped, token.start, token.end);
  if (!token || site?.instruction !== word.instruction || namesArm(text)) return [];
  const { start, end } = token;
  return [
    { word, start, end, texts: {}, severity: 'info', message: `the label says ${text} in every image` },
  ];
}

function namesArm(text: string): boolean {
  return /arm|aarch/i.test(text);
}
