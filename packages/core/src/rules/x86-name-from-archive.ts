import { type ArchPlace, siteKey, variationOf } from '../analysis/arch-places.ts';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { type ArchToken, archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms, knownPlatforms, placesFor, siteKeys, spanRange, variationAt } from './code-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import { projectNames } from './project-names.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'x86-name-from-archive';
/** Commands whose operands are files. */
const fileCommands: ReadonlySet<string> = new Set(
  'cp mv cd ln install tar unzip chmod chown rm dpkg rpm apt apt-get mkdir bash sh source . gunzip xz pushd'.split(
    ' ',
  ),
);

export const x86NameFromArchive: Rule = {
  name,
  summary: 'A file or folder is named for x86, as what was downloaded is.',
  page: {
    why: 'When the download changes, so do the folder inside the archive and every later use of the name: mv, cd, COPY, PATH. A name for x86 that the file gives to what it makes itself is wrong on ARM, too.',
    bad: 'FROM debian:bookworm\nRUN curl -fsSL https://get.helm.sh/helm-v3.15.2-linux-amd64.tar.gz | tar -xz && mv linux-amd64/helm /usr/local/bin/',
    good: 'FROM debian:bookworm\nARG TARGETARCH\nRUN curl -fsSL "https://get.helm.sh/helm-v3.15.2-linux-$TARGETARCH.tar.gz" | tar -xz && mv "linux-$TARGETARCH/helm" /usr/local/bin/',
    perArch: {
      platform: 'linux/arm64',
      text: 'RUN curl -fsSL https://get.helm.sh/helm-v3.15.2-linux-arm64.tar.gz | tar -xz && mv linux-arm64/helm /usr/local/bin/',
    },
    silent: ['The name is a multiarch folder such as x86_64-linux-gnu: multiarch-libdir speaks of it.'],
  },
  async check(dockerfile, context) {
    const places = await placesFor(dockerfile, context);
    const derived = places.filter(
      ({ kind, word }) => kind === 'derived' && !word.buildPlatform && !isCommand(word),
    );
    const covered = siteKeys(places);
    const findings = derived.flatMap((place) => derivedFinding(name, place, context));
    if (!mentions(dockerfile, context, wordsOf.x86)) return findings;
    const unlinked = readCode(dockerfile, context)
      .wordsAbout(wordsOf.x86)
      .filter(mayNameFile)
      .flatMap((word) =>
        archTokens(word.mapped.text).flatMap((token) => {
          const site = siteAt(word.mapped, token.start, token.end);
          if (token.family !== 'amd64' || !site || covered.has(siteKey(site))) return [];
          if (/^-(?:linux|unknown|pc|w64|alpine)-|^-linux-gnu/.test(word.mapped.text.slice(token.end)))
            return [];
          // A program loader: the rule dynamic-loader-path knows its names.
          if (/(?:ld-linux|musl)-$/.test(word.mapped.text.slice(0, token.start))) return [];
          covered.add(siteKey(site));
          const platforms = armPlatforms(context);
          if (platforms.length === 0) return [];
          const texts = isMadeHere(dockerfile, word, token)
            ? projectNames(word.mapped.text, token, platforms.length === 1)
            : {};
          const variation = variationAt(word.mapped, token, 'arch', texts);
          const written = variation !== undefined && knownPlatforms(platforms, texts).unknown.length === 0;
          return [
            {
              rule: name,
              severity: 'warning' as const,
              platforms,
              message: `a file is named for x86: ${word.mapped.text}`,
              hint: written
                ? 'it is made for the platform of the image: whoever takes it has to look for its name there'
                : 'say where it comes from for the other platforms',
              range: spanRange(word, token),
              fix: written ? ('semi' as const) : ('none' as const),
              edits: [],
              ...(written ? { variations: [variation] } : {}),
            },
          ];
        }),
      );
    return [...findings, ...unlinked];
  },
};

/** What a derived name becomes on the platforms that its download is known for. */
export function derivedFinding(rule: string, place: ArchPlace, context: RuleContext): readonly Finding[] {
  const platforms = armPlatforms(context);
  const { known } = knownPlatforms(platforms, place.texts);
  if (platforms.length === 0) return [];
  const variation = variationOf(place, 'arch');
  const written = variation !== undefined && known.length > 0;
  return [
    {
      rule,
      severity: 'error',
      platforms: written ? known : platforms,
      message: `${place.word.mapped.text.trim().split('\n')[0]} is named as the x86 download is`,
      hint: written ? 'it changes together with the address' : 'change it together with the address',
      range: spanRange(place.word, place),
      fix: written ? 'auto' : 'none',
      edits: [],
      ...(written ? { variations: [variation] } : {}),
    },
  ];
}

/** CMD, ENTRYPOINT and HEALTHCHECK have a rule of their own. */
export function isCommand({ instruction }: CodeWord): boolean {
  return (
    instruction.keyword === 'CMD' ||
    instruction.keyword === 'ENTRYPOINT' ||
    instruction.keyword === 'HEALTHCHECK'
  );
}

/** `cp lib.so /out/lib.so.amd64`: the name is given here, to what has none of an architecture, and read elsewhere. */
function isMadeHere(dockerfile: Dockerfile, word: CodeWord, { start }: ArchToken): boolean {
  const { command, index, mapped } = word;
  if (!command || !/^(?:cp|mv|install)$/.test(command.name ?? '')) return false;
  const operands = command.words.slice(1).filter(({ text }) => !/^-|^[0-7]{3,4}$/.test(text));
  const sources = operands.slice(0, -1);
  if (index !== command.words.length - 1 || sources.length !== 1) return false;
  const base = mapped.text.lastIndexOf('/') + 1;
  if (start < base || sources.some(({ text }) => /[$*]/.test(text) || archTokens(text).length > 0))
    return false;
  return dockerfile.text.split(mapped.text.slice(base)).length === 2;
}

function mayNameFile(word: CodeWord): boolean {
  if (word.guarded || word.buildPlatform || isCommand(word)) return false;
  const { text } = word.mapped;
  if (text.includes('://')) return false;
  if (word.role === 'setting') return true;
  if (word.role === 'source') return word.instruction.flags.some((flag) => flag.name === 'from');
  return word.role === 'argument' && (word.index ?? 0) > 0 && fileCommands.has(word.command?.name ?? '');
}
