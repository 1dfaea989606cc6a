import type { Platform } from '@mabuild/oci';
import { isArmelBase } from '../analysis/armel-base.ts';
import { type CodeReading, readCode, type Trigger } from '../analysis/code-words.ts';
import { type Distribution, distributionOf } from '../analysis/distribution.ts';
import { type InstallOperand, installOperands } from '../analysis/install-operands.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { debianSuitesWithout, knownDebianSuites } from '../knowledge/debian-packages.ts';
import { findX86Package, type X86Package } from '../knowledge/distro-packages.ts';
import { armPlatforms } from './code-finding.ts';
import { isMultilibPackage } from './i386-multilib.ts';
import { knownPackageHit } from './known-package-hits.ts';
import { mentions, wordsOf } from './mentions.ts';
import { namesLackedPackage } from './names-lacked-package.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'x86-only-distro-package';

const namesLacked = namesLackedPackage('apt', 'rpm');
/** A package that ARM lacks, or one of amd64. */
const namesPackage: Trigger = {
  test: (text) => wordsOf.packages.test(text) && (text.includes(':amd64') || namesLacked.test(text)),
};

export const x86OnlyDistroPackage: Rule = {
  name,
  summary: 'A package is installed that the distribution does not have for ARM.',
  page: {
    why: 'Some packages exist for x86 alone: drivers of its hardware, boot loaders of PCs, programs that their makers publish for x64 only. On ARM the package manager finds no such package, and the build stops. What only drives x86 hardware can be left out; for a program somebody has to say what does the same.',
    bad: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y vainfo intel-media-va-driver',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y vainfo && if [ "$(dpkg --print-architecture)" = amd64 ]; then apt-get install -y intel-media-va-driver; fi',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM --platform=linux/arm/v7 arm32v7/debian:bookworm\nRUN apt-get update && apt-get install -y vainfo',
    },
    silent: [
      'The package is installed on x86 only: if, case.',
      'The stage is FROM --platform=$BUILDPLATFORM.',
      'The package is searched for, shown or removed.',
      'The package manager is apk: apk-foreign-package speaks of it.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, wordsOf.packages)) return [];
    const reading = readCode(dockerfile, context);
    const hits = installOperands(reading, namesPackage).flatMap((operand) => {
      const { manager, word, architecture } = operand;
      if (manager !== 'apt' && manager !== 'rpm') return [];
      if (word.guarded || word.buildPlatform || isMultilibPackage(operand)) return [];
      // A package of another architecture than the image's own.
      if (manager === 'apt' && architecture && architecture.text !== ':amd64') return [];
      const item = findX86Package(manager, operand.name);
      if (item) return knownHit(operand, item, platforms, { dockerfile, context, reading });
      return [
        ...suffixHits(operand, dockerfile),
        ...debianHits(operand, platforms, { dockerfile, context, reading }),
      ];
    });
    return findingsOf(name, dockerfile, context, hits);
  },
};

interface Place {
  readonly dockerfile: Dockerfile;
  readonly context: RuleContext;
}

function knownHit(
  operand: InstallOperand,
  item: X86Package,
  asked: readonly Platform[],
  { dockerfile, context, reading }: Place & { readonly reading: CodeReading },
): readonly WordHit[] {
  const hit = knownPackageHit(operand, item, asked);
  if (!hit) return [];
  const { word } = operand;
  const { replacement } = item;
  const family = distributionOf(dockerfile, word.stage, context)?.family;
  if (!replacement || family !== 'debian') return [hit];
  const texts = Object.fromEntries(replacement.platforms.map((key) => [key, replacement.name]));
  const isUsed = reading.words.some((other) => other !== word && runs(other.mapped.text, operand.name));
  const hint = `${item.note}: Debian's package is called ${replacement.name}, and so is the program`;
  return [{ ...hit, texts, hint, fix: isUsed ? 'suggest' : 'semi' }];
}

/** Tells whether a text names a program of a package: `google-chrome` of google-chrome-stable. */
function runs(text: string, packageName: string): boolean {
  const stem = packageName.replace(/-(?:stable|beta|unstable|dev)$/, '');
  let at = text.indexOf(stem);
  for (; at >= 0; at = text.indexOf(stem, at + 1)) {
    const rest = text.slice(at + stem.length);
    if (/^(?:-(?:stable|beta|unstable|dev))?(?=$|[\s"';:,)&|])/.test(rest)) return true;
  }
  return false;
}

/** `libfoo1:amd64`: the package of amd64, which apt on ARM does not know unless it was told of that architecture. */
function suffixHits(
  { manager, word, architecture, text }: InstallOperand,
  { text: file }: Dockerfile,
): readonly WordHit[] {
  if (manager !== 'apt' || !architecture || /--add-architecture[= \t]+amd64/.test(file)) return [];
  const { start, end } = architecture;
  const texts = Object.fromEntries(['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'].map((key) => [key, '']));
  const message = `${text} is the package for amd64`;
  const hint = "without the suffix the package of the image's own architecture is taken";
  return [{ word, start, end, texts, name: 'suffix', message, hint }];
}

/** What a release of Debian lacks, beyond the packages that are known by name. */
function debianHits(
  operand: InstallOperand,
  asked: readonly Platform[],
  { dockerfile, context, reading }: Place & { readonly reading: CodeReading },
): readonly WordHit[] {
  if (operand.manager !== 'apt') return [];
  const { word, start, end } = operand;
  const distribution = distributionOf(dockerfile, word.stage, context);
  return asked.flatMap((platform): readonly WordHit[] => {
    const architecture = nameIn('dpkg', platform);
    if (architecture === undefined) return [];
    if (architecture === 'armel' && !isArmelBase(dockerfile, word.stage, context)) return [];
    const without = lacking(operand.name, architecture, distribution);
    if (without === undefined) return [];
    const certain = !addsRepository(reading, word.stage);
    return [
      {
        word,
        start,
        end,
        platforms: [platform],
        texts: {},
        severity: certain && without.isSure ? 'error' : 'warning',
        message: `${without.what} has no package ${operand.name} for ${architecture}`,
        hint: certain
          ? 'leave it out there, or find out what does the same'
          : 'find out whether the repository that is added here has it',
      },
    ];
  });
}

/** A repository of somebody else may have what Debian lacks. */
function addsRepository(reading: CodeReading, stage: Stage | undefined): boolean {
  return reading.words.some(
    ({ stage: own, mapped }) =>
      own === stage && /\/etc\/apt\/sources\.list|\b(?:add-apt|apt-add)-repository\b/.test(mapped.text),
  );
}

/** What of Debian lacks a package; `isSure` where that is the release of the image, or every release. */
function lacking(
  packageName: string,
  architecture: string,
  distribution: Distribution | undefined,
): { readonly what: string; readonly isSure: boolean } | undefined {
  const suites = debianSuitesWithout(packageName, architecture);
  if (suites.length === 0) return undefined;
  const known = knownDebianSuites(architecture);
  const suite = distribution?.family === 'debian' ? distribution.suite : undefined;
  if (suite !== undefined && known.includes(suite))
    return suites.includes(suite) ? { what: `Debian ${suite}`, isSure: true } : undefined;
  if (suites.length < known.length) return undefined;
  return { what: 'Debian', isSure: distribution?.family === 'debian' && suite === undefined };
}
