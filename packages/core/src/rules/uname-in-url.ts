import { formatPlatform, formatPlatformList, type Platform } from '@mabuild/oci';
import { type CodeWord, rangeOfWord, readCode } from '../analysis/code-words.ts';
import { type Machine, machinesIn } from '../analysis/machine-words.ts';
import { rangeOfSite, referenceAt } from '../analysis/mapped-text.ts';
import { addressPattern, assetOf, solveAddress } from '../analysis/solve-address.ts';
import { partSite, shellWordOf } from '../analysis/word-parts.ts';
import type { Range } from '../dockerfile/model.ts';
import { platformKey, type Site } from '../fixes/variation.ts';
import { armPlatforms, isLeftAlone, isShown } from './code-finding.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'uname-in-url';

const namesMachine = /uname|arch/i;
const system = /\$\(uname(?:\s+-s)?\s*\)|`uname(?:\s+-s)?\s*`/g;
/** Nothing in an address can be called that. */
const placeholder = 'MABUILD_MACHINE';

export const unameInUrl: Rule = {
  name,
  summary: 'An address is made with uname -m, dpkg or apk, where the publisher has another word for ARM.',
  page: {
    why: 'uname -m is the kernel’s: in an arm/v7 build on a 64-bit host it says aarch64 or armv8l, in an arm/v6 build under emulation armv7l. And few publishers call their files as uname does: docker-compose’s is armv7, not armv7l. dpkg’s armhf and apk’s words are the system’s, not always the publisher’s.',
    bad: 'FROM debian:12\nRUN curl -fsSLO "https://example.org/t-linux-$(uname -m).tgz"',
    good: 'FROM debian:12\nARG TARGETARCH\nARG TARGETVARIANT\nRUN case "$TARGETARCH$TARGETVARIANT" in amd64) a=x86_64 ;; arm64) a=aarch64 ;; armv7) a=armv7l ;; *) exit 1 ;; esac && curl -fsSLO "https://example.org/t-linux-$a.tgz"',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM --platform=linux/arm/v7 arm32v7/debian:12\nRUN curl -fsSLO "https://example.org/t-linux-armv7l.tgz"',
    },
    silent: [
      'Only arm64 is asked for, and the file is called aarch64 or is not known.',
      'dpkg or apk says what the publisher says, or nobody knows what that is.',
    ],
  },
  async check(dockerfile, context) {
    if (
      armPlatforms(context).length === 0 ||
      !/\buname\b|\barch[)`]|--print-arch|\bsed\b/.test(dockerfile.text)
    )
      return [];
    const seen = new Set<string>();
    return readCode(dockerfile, context)
      .wordsAbout(namesMachine)
      .flatMap((word) => wordFindings(word, context))
      .filter((finding) => {
        const key = JSON.stringify([finding.range, finding.platforms, finding.fix]);
        return !seen.has(key) && seen.add(key);
      });
  },
};

function wordFindings(word: CodeWord, context: RuleContext): readonly Finding[] {
  const { text } = word.mapped;
  if (isLeftAlone(word)) return [];
  if (!text.includes('://') || !namesMachine.test(text)) return [];
  if (isShown(word)) return [];
  const own = shellWordOf(word)?.parts.some((part) => part.kind === 'dynamic') ?? false;
  return machinesIn(text).flatMap((machine): readonly Finding[] => {
    const [span, ...more] = [...text.matchAll(machine.pattern)].map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
    }));
    const site = span && more.length === 0 ? siteOf(word, span) : undefined;
    // A variable with the whole address was judged where it is set.
    if (!span || (!site && !own)) return [];
    const [upper, lower] = ['Linux', 'linux'].map((os) => addressIn(text, machine, os));
    if (upper === undefined) return [];
    const better = lower !== undefined && countKnown(lower, machine) > countKnown(upper, machine);
    return judge(word, better ? lower : upper, machine, site, armPlatforms(context));
  });
}

/** The address; blanks and parentheses of a substitution would end it. */
function addressIn(text: string, { pattern }: Machine, os: string): string | undefined {
  const plain = text.replace(pattern, `\${${placeholder}}`).replace(system, os);
  return plain.match(addressPattern)?.find((url) => url.includes(placeholder));
}

/** GitHub minds no case, and a table does. */
function countKnown(template: string, { amd64, names }: Machine): number {
  return Object.keys(names).filter((key) => solveAddress(template, { [placeholder]: amd64 }, key)).length;
}

/** The substitution itself, or the variable that holds it. */
function siteOf(word: CodeWord, span: Range): Site | undefined {
  const through = referenceAt(word.mapped, span.start, span.end);
  if (through) return through;
  const written = word.mapped.text.slice(span.start, span.end);
  const part = shellWordOf(word)?.parts.find((item) => item.kind === 'dynamic' && item.text === written);
  return part && partSite(word, part);
}

function judge(
  word: CodeWord,
  template: string,
  machine: Machine,
  site: Site | undefined,
  platforms: readonly Platform[],
): readonly Finding[] {
  const { command, names, ofKernel } = machine;
  const amd64 = { [placeholder]: machine.amd64 };
  const asset = assetOf(template, amd64);
  const texts: Record<string, string> = {};
  for (const key of Object.keys(names)) {
    const value = solveAddress(template, amd64, key)?.values?.[placeholder];
    if (value !== undefined) texts[key] = value;
  }
  const range = rangeOfSite(site) ?? rangeOfWord(word);
  const variation = site && { site, text: machine.amd64, texts, name: 'arch' };
  const finding = (
    about: readonly Platform[],
    told: Pick<Finding, 'severity' | 'message' | 'hint'>,
    fixed: boolean,
  ): Finding[] =>
    about.length === 0
      ? []
      : [
          {
            rule: name,
            platforms: about,
            range,
            edits: [],
            fix: fixed && variation ? 'auto' : 'none',
            ...(fixed && variation ? { variations: [variation] } : {}),
            ...told,
          },
        ];
  const is32 = (platform: Platform): boolean => platform.architecture === 'arm';
  if (!asset) {
    const about = ofKernel ? platforms.filter(is32) : [];
    return finding(
      about,
      {
        severity: 'warning',
        message: `uname -m names the kernel: for ${formatPlatformList(about)} the address may be another one than meant`,
        hint: 'choose the name by TARGETARCH and TARGETVARIANT',
      },
      false,
    );
  }
  const known = platforms.filter((platform) => texts[platformKey(platform)] !== undefined);
  const wrong = known.filter(
    (platform) => !names[platformKey(platform)]?.includes(texts[platformKey(platform)] ?? ''),
  );
  const doubtful = known.filter((platform) => ofKernel && is32(platform) && !wrong.includes(platform));
  const lacking = platforms.filter((platform) =>
    asset.absent.some((item) => item.platform === platformKey(platform)),
  );
  return [
    ...finding(
      wrong.length > 0 ? [...wrong, ...doubtful] : doubtful,
      {
        severity: wrong.length > 0 ? 'error' : 'warning',
        message:
          wrong.length > 0
            ? `${asset.tool} is called ${wrong.map((platform) => `${texts[platformKey(platform)]} for ${formatPlatform(platform)}`).join(', ')}, not what ${command} says`
            : `uname -m names the kernel: for ${formatPlatformList(doubtful)} it depends on the host which ${asset.tool} is fetched`,
        hint: 'choose the name by TARGETARCH and TARGETVARIANT',
      },
      true,
    ),
    ...finding(
      lacking,
      {
        severity: 'error',
        message: `${asset.tool} has no build for ${formatPlatformList(lacking)}`,
        hint: asset.absent[0]?.reason ?? `leave ${formatPlatformList(lacking)} out, or build it from source`,
      },
      false,
    ),
  ];
}
