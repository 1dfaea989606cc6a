import { formatPlatform, formatPlatformList, type Platform } from '@mabuild/oci';
import { type CodeWord, rangeOfWord, readCode } from '../analysis/code-words.ts';
import { rangeOfSite } from '../analysis/mapped-text.ts';
import { addressPattern, assetOf, solveAddress } from '../analysis/solve-address.ts';
import { partSite, shellWordOf } from '../analysis/word-parts.ts';
import { sliceWord } from '../dockerfile/scope.ts';
import { platformKey, type Quoting, type Site } from '../fixes/variation.ts';
import { armPlatforms, isShown } from './code-finding.ts';
import { automaticValues } from './platform-arg.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'targetarch-loses-variant';

const amd64: Readonly<Record<string, string>> = {
  TARGETARCH: 'amd64',
  TARGETVARIANT: '',
  TARGETOS: 'linux',
};
/** What is written for BuildKit itself: `${TARGETARCH}`, nothing behind the name. */
const reference = /\$(?:TARGETARCH\b|\{TARGETARCH\})/g;

const trigger = /TARGETARCH/;

export const targetarchLosesVariant: Rule = {
  name,
  summary: 'TARGETARCH alone stands where the variant of ARM matters, or another word for ARM.',
  page: {
    why: 'TARGETARCH is arm for arm/v7 and for arm/v6 alike: an address made with it fetches the same file for both, often one that does not exist, for publishers say armhf, armv7 or armv6. Go without GOARM compiles for ARMv7 when it cross-compiles: the program stops on ARMv6 with “illegal instruction”.',
    bad: 'FROM debian:12\nARG TARGETARCH\nADD https://github.com/krallin/tini/releases/download/v0.19.0/tini-static-${TARGETARCH} /tini',
    good: 'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in arm) a=armhf ;; *) a=$TARGETARCH ;; esac && curl -Lo /tini "https://github.com/krallin/tini/releases/download/v0.19.0/tini-static-$a"',
    silent: [
      'The publisher’s file for 32-bit ARM really is called arm.',
      'TARGETVARIANT stands in the address too.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    return readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word): readonly Finding[] => {
        const { text } = word.mapped;
        if (word.guarded || word.role === 'label' || !text.includes('${TARGETARCH}')) return [];
        if (isShown(word)) return [];
        const [first] = referenceSites(word);
        // A variable with the whole address was judged where it is set.
        if (!first) return [];
        if (text.includes('://')) return addressFindings(word, context);
        return isGoarch(word) ? goarmFindings(word, context) : pathFindings(word, context);
      });
  },
};

/** Where the word itself, and no variable in it, reads TARGETARCH. */
function referenceSites(word: CodeWord): readonly Site[] {
  if (word.script) {
    const parts = shellWordOf(word)?.parts ?? [];
    return parts.flatMap((part) =>
      part.kind === 'variable' && part.name === 'TARGETARCH' && part.plain
        ? (partSite(word, part) ?? [])
        : [],
    );
  }
  const raw = word.instruction.words.find(
    ({ range }) => range.start <= rangeOfWord(word).start && range.end >= rangeOfWord(word).end,
  );
  if (!raw) return [];
  return [...raw.raw.matchAll(reference)].map((match) => ({
    stage: word.stage,
    instruction: word.instruction,
    pieces: sliceWord(raw, match.index, match.index + match[0].length).pieces,
    quoting: quotingBefore(raw.raw.slice(0, match.index)),
    shell: false,
  }));
}

function quotingBefore(text: string): Quoting {
  return (text.match(/"/g)?.length ?? 0) % 2 === 1 ? 'double' : 'none';
}

function addressFindings(word: CodeWord, context: RuleContext): readonly Finding[] {
  const templates = (word.mapped.text.match(addressPattern) ?? []).filter((url) =>
    url.includes('${TARGETARCH}'),
  );
  const sites = referenceSites(word);
  return templates.flatMap((template): readonly Finding[] => {
    const asset = assetOf(template, amd64);
    const site = templates.length === 1 && sites.length === 1 ? sites[0] : undefined;
    const range = rangeOfSite(sites[0]) ?? rangeOfWord(word);
    if (!asset) return unknownAddress(template, range, context);
    const texts: Record<string, string> = {};
    const wrong: string[] = [];
    for (const key of ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6']) {
      const solved = solveAddress(template, amd64, key);
      if (!solved) continue;
      const value = wantedArch(template, key);
      if (value !== undefined) texts[key] = value;
      if (solved.url !== actual(template, key)) wrong.push(key);
    }
    const asked = armPlatforms(context);
    const about = asked.filter((platform) => wrong.includes(platformKey(platform)));
    const lacking = asked.filter((platform) =>
      asset.absent.some((item) => item.platform === platformKey(platform)),
    );
    const fixable =
      site !== undefined && about.every((platform) => texts[platformKey(platform)] !== undefined);
    const told = about.map((platform) => {
      const key = platformKey(platform);
      return `${texts[key] ?? lastPart(solveAddress(template, amd64, key)?.url ?? '')} for ${formatPlatform(platform)}`;
    });
    return [
      ...(about.length === 0
        ? []
        : [
            {
              rule: name,
              severity: 'error' as const,
              platforms: about,
              message: `${asset.tool} is called ${told.join(', ')}; the address says ${about.map((platform) => said(template, platform)).join(' and ')}`,
              hint: 'choose the name with a case on $TARGETARCH$TARGETVARIANT',
              range,
              fix: fixable ? ('semi' as const) : ('none' as const),
              edits: [],
              ...(fixable ? { variations: [{ site, text: 'amd64', texts, name: 'arch' }] } : {}),
            },
          ]),
      ...(lacking.length === 0
        ? []
        : [
            {
              rule: name,
              severity: 'error' as const,
              platforms: lacking,
              message: `${asset.tool} has no build for ${formatPlatformList(lacking)}`,
              hint: asset.absent[0]?.reason ?? 'leave the platform out, or build it from source',
              range,
              fix: 'none' as const,
              edits: [],
            },
          ]),
    ];
  });
}

/** What TARGETARCH would have to be for the address to be right, the other variables as they are. */
function wantedArch(template: string, key: string): string | undefined {
  const values = automaticFor(key);
  const others = template.replace(/\$\{(TARGETVARIANT|TARGETOS)\}/g, (_, arg: string) => values[arg] ?? '');
  return solveAddress(others, { TARGETARCH: 'amd64' }, key)?.values?.TARGETARCH;
}

function actual(template: string, key: string): string {
  const values = automaticFor(key);
  return template.replace(/\$\{(TARGET\w+)\}/g, (whole, arg: string) => values[arg] ?? whole);
}

function automaticFor(key: string): Readonly<Record<string, string>> {
  const [os = '', architecture = '', variant] = key.split('/');
  return automaticValues({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

function said(template: string, platform: Platform): string {
  const { TARGETARCH, TARGETVARIANT } = automaticValues(platform);
  return template.includes('${TARGETVARIANT}') ? `${TARGETARCH}${TARGETVARIANT}` : (TARGETARCH ?? '');
}

function lastPart(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

/** Nobody knows what the publisher says for 32-bit ARM: it may be arm. */
function unknownAddress(template: string, range: Finding['range'], context: RuleContext): readonly Finding[] {
  if (template.includes('TARGETVARIANT') || template.includes('TARGETPLATFORM')) return [];
  const platforms = armPlatforms(context).filter(({ architecture }) => architecture === 'arm');
  if (platforms.length === 0) return [];
  return [
    {
      rule: name,
      severity: 'warning',
      platforms,
      message: 'TARGETARCH is arm for arm/v7 and arm/v6 alike: the address may want armv7, armv6 or armhf',
      hint: 'look what the publisher calls its files; ${TARGETARCH}${TARGETVARIANT} reads armv7 and armv6',
      range,
      fix: 'none',
      edits: [],
    },
  ];
}

function isGoarch(word: CodeWord): boolean {
  const { text } = word.mapped;
  if (word.role === 'argument') return text === 'GOARCH=${TARGETARCH}';
  return word.name === 'GOARCH' && text === '${TARGETARCH}';
}

/** `GOARCH=$TARGETARCH` where Go cross-compiles, and nobody says GOARM. */
function goarmFindings(word: CodeWord, context: RuleContext): readonly Finding[] {
  const platforms = armPlatforms(context).filter((platform) => platformKey(platform) === 'linux/arm/v6');
  const stageText = word.stage?.instructions.map(({ logical }) => logical.text).join('\n') ?? '';
  if (platforms.length === 0 || !word.buildPlatform || /\bGOARM\b|TARGETVARIANT/.test(stageText)) return [];
  const written = shellWordOf(word);
  const [reading] = referenceSites(word);
  const site = written && reading && valueSite(word, reading);
  const takesMore = word.role === 'assignment' || /^(?:env|export|make)$/.test(word.command?.name ?? '');
  const fixable = site !== undefined && takesMore;
  return [
    {
      rule: name,
      severity: 'warning',
      platforms,
      message: 'Go compiles for ARMv7 here: nothing sets GOARM',
      hint: 'set GOARM=${TARGETVARIANT#v} beside GOARCH, with ARG TARGETVARIANT above',
      range: rangeOfSite(reading) ?? rangeOfWord(word),
      fix: fixable ? 'auto' : 'none',
      edits: [],
      ...(fixable
        ? {
            variations: [
              {
                site,
                text: 'amd64',
                texts: {
                  'linux/arm64': 'arm64',
                  'linux/arm/v7': 'arm GOARM=7',
                  'linux/arm/v6': 'arm GOARM=6',
                },
                name: 'arch',
                shell: {
                  text: '$TARGETARCH GOARM=${TARGETVARIANT#v}',
                  args: ['TARGETARCH', 'TARGETVARIANT'],
                },
              },
            ],
          }
        : {}),
    },
  ];
}

/** The value with the quotes around it, so that another word can follow. */
function valueSite(word: CodeWord, reading: Site): Site | undefined {
  const written = shellWordOf(word);
  if (!written || !word.script) return undefined;
  if (reading.quoting === 'none') return reading;
  const start = written.text.startsWith('GOARCH=') ? written.start + 'GOARCH='.length : written.start;
  return partSite(word, { start, end: written.end, quoting: 'none' });
}

/** The same file of the context for arm/v7 and arm/v6. */
function pathFindings(word: CodeWord, context: RuleContext): readonly Finding[] {
  const platforms = armPlatforms(context).filter(({ architecture }) => architecture === 'arm');
  const isContext = word.role === 'source' && !word.instruction.flags.some((flag) => flag.name === 'from');
  if (
    platforms.length < 2 ||
    !isContext ||
    /TARGET(?:VARIANT|PLATFORM)|\$\{TARGETARCH\}\*/.test(word.mapped.text)
  )
    return [];
  return [
    {
      rule: name,
      severity: 'info',
      platforms,
      message: `${platforms.map((platform) => formatPlatform(platform)).join(' and ')} get the same file`,
      hint: 'that is right when it is built for arm/v6; else put TARGETVARIANT into the path',
      range: rangeOfSite(referenceSites(word)[0]) ?? rangeOfWord(word),
      fix: 'none',
      edits: [],
    },
  ];
}
