import { isArmelBase } from '../analysis/armel-base.ts';
import { readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { platformKey } from '../fixes/variation.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'java-home-arch';

const home =
  /(?<=\/jvm\/[\w.+-]*[-.])(amd64|x86_64)(?![\w-])|(?<=\/lib\/)(amd64)(?=\/(?:server|jli|client|headless)\b|$)/g;

const trigger = /jvm|\/lib\/amd64/;

export const javaHomeArch: Rule = {
  name,
  summary: 'A path of Java names x86, e.g. /usr/lib/jvm/java-8-openjdk-amd64.',
  page: {
    why: 'Debian and Ubuntu name the folder of a JDK for the architecture: java-8-openjdk-arm64, java-8-openjdk-armhf. JAVA_HOME with -amd64 points nowhere on ARM, and what needs it does not start. In a JDK 8, jre/lib has a folder amd64, aarch64 or arm.',
    bad: 'FROM debian:12\nENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-amd64',
    good: 'FROM debian:12\nENV JAVA_HOME=/usr/lib/jvm/default-java',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM --platform=linux/arm/v7 arm32v7/debian:12\nENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-armhf',
    },
    silent: ['The code runs on x86 only.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word): readonly WordHit[] => {
        if (isLeftAlone(word)) return [];
        const { text } = word.mapped;
        if (!text.includes('jvm') && !text.includes('/lib/amd64')) return [];
        return [...text.matchAll(home)].map((match) => {
          const isPackage = match[1] === 'amd64';
          const vocabulary = isPackage ? 'dpkg' : match[1] ? 'rpm' : 'jvm-os-arch';
          const texts: Record<string, string> = {};
          for (const platform of platforms) {
            const key = platformKey(platform);
            const own = nameIn(vocabulary, platform);
            if (key === 'linux/arm/v6' && isPackage && !isArmelBase(dockerfile, word.stage, context))
              continue;
            // RPM distributions have no 32-bit ARM today.
            if (vocabulary === 'rpm' && key !== 'linux/arm64') continue;
            if (own !== undefined) texts[key] = own;
          }
          const span = { start: match.index, end: match.index + match[0].length };
          const inShell = siteAt(word.mapped, span.start, span.end)?.shell === true;
          return {
            word,
            ...span,
            texts,
            message: `${text.slice(Math.max(0, text.lastIndexOf('/', match.index) + 1), span.end)} is what the folder is called on amd64`,
            ...(isPackage && inShell ? { shell: { text: '$(dpkg --print-architecture)', args: [] } } : {}),
          };
        });
      });
    return findingsOf(name, dockerfile, context, hits);
  },
};
