import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'rpm-arch-suffix';

const trigger = /x86_64/;

export const rpmArchSuffix: Rule = {
  name,
  summary: 'yum or dnf is asked for a package of x86_64, or a repository file names it.',
  page: {
    why: "bash.x86_64 asks for the package of x86_64, which ARM does not have; without the suffix dnf takes that of the image's own architecture. In a .repo file $basearch stands for it.",
    bad: 'FROM rockylinux:9\nRUN yum install -y shadow-utils.x86_64',
    good: 'FROM rockylinux:9\nRUN yum install -y shadow-utils',
    perArch: { platform: 'linux/arm64', text: 'FROM rockylinux:9\nRUN yum install -y shadow-utils' },
    silent: [
      'The suffix is .noarch.',
      'The suffix is .i686: i386-multilib speaks of it.',
      'The package is installed on x86 only.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const reading = readCode(dockerfile, context);
    const texts = Object.fromEntries(platforms.map((platform) => [platformKey(platform), '']));
    const suffixes = installOperands(reading, trigger).flatMap((operand): readonly WordHit[] => {
      const { manager, word, architecture, text } = operand;
      if (manager !== 'rpm' || architecture?.text !== '.x86_64') return [];
      if (word.guarded || word.buildPlatform) return [];
      const { start, end } = architecture;
      const hint = 'without the suffix the package of the platform is taken';
      return [
        { word, start, end, texts, name: 'suffix', message: `${text} is the package for x86_64`, hint },
      ];
    });
    const repositories = reading.wordsAbout(trigger).flatMap((word) => repositoryHits(word, context));
    return findingsOf(name, dockerfile, context, [...suffixes, ...repositories]);
  },
};

/** `baseurl=https://…/x86_64/` in a text that becomes a .repo file. */
function repositoryHits(word: CodeWord, context: RuleContext): readonly WordHit[] {
  const { text } = word.mapped;
  if (!text.includes('x86_64') || !/\b(?:baseurl|mirrorlist|metalink)\s*=/.test(text)) return [];
  if (isLeftAlone(word)) return [];
  const lines = text.matchAll(
    /\b(?:baseurl|mirrorlist|metalink)\s*=\s*[^\s"']*?(?<![A-Za-z0-9])(x86_64)(?![A-Za-z0-9])/g,
  );
  return [...lines].map((match): WordHit => {
    const end = match.index + match[0].length;
    return {
      word,
      start: end - 'x86_64'.length,
      end,
      // No RPM distribution of today has 32-bit ARM.
      texts: { 'linux/arm64': 'aarch64' },
      platforms: armPlatforms(context),
      message: 'the repository of yum is that for x86_64',
      hint: 'write $basearch in its place; whether the publisher has packages for aarch64 the file does not tell',
    };
  });
}
