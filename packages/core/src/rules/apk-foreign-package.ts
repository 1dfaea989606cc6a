import { type CodeWord, readCode, type Trigger } from '../analysis/code-words.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { findX86Package } from '../knowledge/distro-packages.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import { knownPackageHit } from './known-package-hits.ts';
import { namesLackedPackage } from './names-lacked-package.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'apk-foreign-package';
const shims: ReadonlySet<string> = new Set(['gcompat', 'libc6-compat']);

const apk = /\bapk\b/;
const namesLacked = namesLackedPackage('apk');
const namesPackage: Trigger = {
  test: (text) => apk.test(text) && (/gcompat|libc6-compat/.test(text) || namesLacked.test(text)),
};
const sgerrand = /sgerrand/;

export const apkForeignPackage: Rule = {
  name,
  summary: 'apk adds a package that Alpine has for x86 alone, or glibc for a foreign program.',
  page: {
    why: "Alpine has some packages for x86 alone, such as the drivers of Intel's graphics: on ARM apk add fails. The glibc that sgerrand publishes for Alpine is for x86_64 only. gcompat and libc6-compat exist on ARM too, but are a sign of a program that was not built for Alpine and has to be there for ARM.",
    bad: 'FROM alpine:3.20\nRUN apk add --no-cache ffmpeg libva-intel-driver',
    good: 'FROM alpine:3.20\nRUN apk add --no-cache ffmpeg && if [ "$(apk --print-arch)" = x86_64 ]; then apk add --no-cache libva-intel-driver; fi',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM --platform=linux/arm64 arm64v8/alpine:3.20\nRUN apk add --no-cache ffmpeg',
    },
    silent: ['The package is added on x86 only: if, case.', 'The stage is FROM --platform=$BUILDPLATFORM.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !apk.test(dockerfile.text)) return [];
    const reading = readCode(dockerfile, context);
    const packages = installOperands(reading, namesPackage).flatMap((operand): readonly WordHit[] => {
      const { manager, word, start, end } = operand;
      if (manager !== 'apk' || word.guarded || word.buildPlatform) return [];
      if (shims.has(operand.name)) {
        const message = `${operand.name} serves programs that were built for glibc`;
        const hint = 'what runs on it has to be there for ARM';
        return [{ word, start, end, texts: {}, severity: 'info', message, hint }];
      }
      const item = findX86Package('apk', operand.name);
      const hit = item && knownPackageHit(operand, item, platforms);
      return hit ? [hit] : [];
    });
    const glibc = sgerrand.test(dockerfile.text) ? reading.wordsAbout(sgerrand).flatMap(glibcHits) : [];
    return findingsOf(name, dockerfile, context, [...packages, ...glibc]);
  },
};

/** sgerrand's packages of glibc, which Alpine programs for x86_64 were made to run with. */
function glibcHits(word: CodeWord): readonly WordHit[] {
  if (isLeftAlone(word)) return [];
  const match = /github\.com\/sgerrand\/alpine-pkg-glibc\/releases\/download\//.exec(word.mapped.text);
  if (!match) return [];
  return [
    {
      word,
      start: match.index,
      end: match.index + match[0].length,
      texts: {},
      message: 'alpine-pkg-glibc is published for x86_64 alone',
      hint: 'use a base with glibc, e.g. Debian, or gcompat',
    },
  ];
}
