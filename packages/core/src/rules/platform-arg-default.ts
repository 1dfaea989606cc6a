import { formatPlatformList, type Platform } from '@mabuild/oci';
import { isLeftOut } from '../analysis/code-words.ts';
import type { Dockerfile, Instruction, Stage, TextEdit, Word } from '../dockerfile/model.ts';
import {
  argDefinitions,
  expandIn,
  globalScope,
  type Scope,
  scopeAt,
  sliceWord,
} from '../dockerfile/scope.ts';
import { platformKey, type Variation } from '../fixes/variation.ts';
import { armPlatforms } from './code-finding.ts';
import { automaticArgs, automaticValues, carried, namesAutomaticArgs } from './platform-arg.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'platform-arg-default';
const amd64: Platform = { os: 'linux', architecture: 'amd64' };

export const platformArgDefault: Rule = {
  name,
  summary: "A default of TARGETARCH and its kin hides BuildKit's own value.",
  page: {
    why: 'BuildKit gives TARGETARCH, TARGETPLATFORM and the others their values by itself, but only to an ARG without a default. With ARG TARGETARCH=amd64 the arm64 image is built with amd64 everywhere, and nothing fails: today the most common cause of amd64 programs in arm64 images.',
    bad: 'FROM alpine\nARG TARGETARCH=amd64\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    good: 'FROM alpine\nARG TARGETARCH\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM --platform=linux/arm64 arm64v8/alpine\nARG TARGETARCH=arm64\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    },
    silent: [
      'The default is what BuildKit would say: ARG TARGETOS=linux, ARG TARGETARCH=${TARGETARCH} above the first FROM.',
      'The stage is named for one architecture.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !namesAutomaticArgs(dockerfile.text)) return [];
    const findings = dockerfile.globalArgs.flatMap((instruction) =>
      argFindings({ dockerfile, context, stage: undefined, instruction }, platforms),
    );
    for (const stage of dockerfile.stages) {
      if (isLeftOut(stage)) continue;
      for (const { own, onbuild } of carried(stage)) {
        const place = { dockerfile, context, stage, instruction: own };
        if (own.keyword === 'ARG') findings.push(...argFindings(place, platforms));
        if (own.keyword === 'ENV') findings.push(...envFindings(place, platforms, onbuild));
      }
    }
    return findings;
  },
};

interface Place {
  readonly dockerfile: Dockerfile;
  readonly context: RuleContext;
  readonly stage: Stage | undefined;
  readonly instruction: Instruction;
}

function argFindings(place: Place, platforms: readonly Platform[]): readonly Finding[] {
  return place.instruction.words.flatMap((word, index): readonly Finding[] => {
    const definition = argDefinitions(place.instruction)[index];
    if (!definition?.value || !automaticArgs.has(definition.name)) return [];
    if (Object.hasOwn(place.context.buildArgs, definition.name)) return [];
    const wrong = wrongPlatforms(place, definition.name, definition.value, platforms);
    if (wrong.length === 0) return [];
    const safe = wrongPlatforms(place, definition.name, definition.value, [amd64]).length === 0;
    return [
      {
        rule: name,
        severity: definition.name.startsWith('TARGET') ? 'error' : 'warning',
        platforms: wrong,
        message: `the default hides the ${definition.name} that BuildKit sets: it is ${JSON.stringify(expanded(place, definition.value, wrong[0] ?? amd64))} for ${formatPlatformList(wrong)} too`,
        hint: safe
          ? `write ARG ${definition.name} without a default; for a builder that sets none, put the default where the value is used: \${${definition.name}:-…}`
          : `give the ARG a name of its own: its default is not what BuildKit says for amd64 either`,
        range: word.range,
        fix: safe ? 'auto' : 'suggest',
        edits: withoutDefault(word),
      },
    ];
  });
}

/** `ENV TARGETARCH=amd64` hides the ARG in the build and says it in the image as well. */
function envFindings(place: Place, platforms: readonly Platform[], onbuild: boolean): readonly Finding[] {
  const { words } = place.instruction;
  return words.flatMap((word, index): readonly Finding[] => {
    const value = words[index + 1];
    if (index % 2 === 1 || value === undefined || !automaticArgs.has(word.raw)) return [];
    // What reads itself is right once the ARG is declared: platform-arg-undeclared says it.
    if (value.raw.includes(`{${word.raw}`) || value.raw.includes(`$${word.raw}`)) return [];
    if (expanded(place, value, amd64) === '') return [];
    const wrong = wrongPlatforms(place, word.raw, value, platforms);
    if (wrong.length === 0) return [];
    const text = expanded(place, value, wrong[0] ?? amd64);
    const plain = value.raw === text && !onbuild;
    const safe = plain && wrongPlatforms(place, word.raw, value, [amd64]).length === 0;
    const texts = Object.fromEntries(
      platforms.map((platform) => [platformKey(platform), automaticValues(platform)[word.raw] ?? '']),
    );
    const variation: Variation = {
      site: {
        stage: place.stage,
        instruction: place.instruction,
        pieces: value.pieces,
        quoting: 'none',
        shell: false,
      },
      text,
      texts,
      name: 'arch',
    };
    return [
      {
        rule: name,
        severity: 'error',
        platforms: wrong,
        message: `ENV hides the ${word.raw} that BuildKit sets: it is ${JSON.stringify(text)} for ${formatPlatformList(wrong)} too`,
        hint: `declare ARG ${word.raw} in the stage and write ENV ${word.raw}=$${word.raw}, or leave the ENV out`,
        range: { start: word.range.start, end: value.range.end },
        fix: safe ? 'auto' : 'none',
        edits: [],
        ...(safe ? { variations: [variation] } : {}),
      },
    ];
  });
}

/** The platforms for which the value is not what BuildKit would say. */
function wrongPlatforms(
  place: Place,
  arg: string,
  value: Word,
  platforms: readonly Platform[],
): readonly Platform[] {
  return platforms.filter((platform) => {
    const given = expanded(place, value, platform);
    const automatic = automaticValues(platform)[arg] ?? '';
    // v8 is what arm64 leaves unsaid.
    return given !== automatic && !(platform.architecture === 'arm64' && automatic === '' && given === 'v8');
  });
}

function expanded(place: Place, value: Word, platform: Platform): string {
  const { dockerfile, stage, instruction, context } = place;
  const options = { buildArgs: context.buildArgs, platformArgs: automaticValues(platform) };
  try {
    const scope: Scope = stage
      ? scopeAt(dockerfile, stage, instruction, options)
      : globalsBefore(dockerfile, instruction, options);
    return expandIn(dockerfile, value, scope).expansion.text;
  } catch {
    return value.raw;
  }
}

/** What a global ARG's default can read: the automatic ARGs and those above it. */
function globalsBefore(
  dockerfile: Dockerfile,
  instruction: Instruction,
  options: Parameters<typeof globalScope>[1],
): Scope {
  const above = dockerfile.globalArgs.slice(0, dockerfile.globalArgs.indexOf(instruction));
  return globalScope({ ...dockerfile, globalArgs: above }, options);
}

function withoutDefault(word: Word): readonly TextEdit[] {
  const rest = sliceWord(word, word.raw.indexOf('='), word.raw.length);
  return rest.pieces.map((piece) => ({ ...piece, newText: '' }));
}
