import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { Attached } from '../attached.ts';
import type { Stage } from '../dockerfile/model.ts';
import { armPlatforms } from './code-finding.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'goarch-x86';

const trigger = /GOARCH/;

export const goarchX86: Rule = {
  name,
  summary: 'GOARCH is fixed to x86: Go builds x86 programs for every platform.',
  page: {
    why: 'With GOARCH=amd64 Go cross-compiles: the program in the ARM image is an amd64 one, and nothing fails until it is started. On 32-bit ARM Go also wants GOARM.',
    bad: 'FROM golang:1.22\nRUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o /app .',
    good: 'FROM golang:1.22\nARG TARGETARCH\nARG TARGETVARIANT\nRUN CGO_ENABLED=0 GOOS=linux GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build -o /app .',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM --platform=linux/arm/v7 arm32v7/golang:1.22\nRUN CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7 go build -o /app .',
    },
    silent: [
      'GOOS is not linux, or the script builds for several architectures.',
      'A stage on the build platform installs a tool for itself.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    const words = readCode(dockerfile, context).wordsAbout(trigger);
    return findingsOf(
      name,
      dockerfile,
      context,
      words.flatMap((word) => hitOf(word, context) ?? []),
    );
  },
};

function hitOf(word: CodeWord, context: RuleContext): WordHit | undefined {
  const span = valueSpan(word);
  if (!span || word.guarded || isMatrix(word) || isHostTool(word)) return undefined;
  const value = word.mapped.text.slice(span.start, span.end);
  const message = `GOARCH=${value} builds programs for x86, whatever platform is built`;
  if (value === '386') {
    return { word, ...span, texts: {}, message, hint: 'take GOARCH from TARGETARCH, or leave it out' };
  }
  const site = siteAt(word.mapped, span.start, span.end);
  const inShell = site?.shell === true && site.quoting === 'none' && takesMore(word);
  const knowsArm = setsGoarm(word);
  const arm = (version: string): string => (inShell && !knowsArm ? `arm GOARM=${version}` : 'arm');
  // A toolchain for ARM knows its own GOARM; one that cross-compiles takes 7.
  const v6 = inShell || knowsArm || !word.buildPlatform;
  const texts = {
    'linux/arm64': 'arm64',
    'linux/arm/v7': arm('7'),
    ...(v6 ? { 'linux/arm/v6': arm('6') } : {}),
  };
  const asked = armPlatforms(context).some(({ architecture }) => architecture === 'arm');
  return {
    word,
    ...span,
    texts,
    message,
    // Whoever builds can give another one.
    severity: site?.instruction.keyword === 'ARG' ? 'warning' : 'error',
    hint: `take it from TARGETARCH${asked && !knowsArm ? '; on 32-bit ARM GOARM is 7 for arm/v7 and 6 for arm/v6' : ''}`,
    ...(inShell && !knowsArm
      ? {
          shell: { text: '$TARGETARCH GOARM=${TARGETVARIANT#v}', args: ['TARGETARCH', 'TARGETVARIANT'] },
        }
      : inShell
        ? { shell: { text: '$TARGETARCH', args: ['TARGETARCH'] } }
        : {}),
  };
}

/** Where the value of GOARCH stands in the word. */
function valueSpan(word: CodeWord): { readonly start: number; readonly end: number } | undefined {
  const { text } = word.mapped;
  if (word.role === 'env' || word.role === 'arg' || word.role === 'assignment') {
    return word.name === 'GOARCH' && (text === 'amd64' || text === '386')
      ? { start: 0, end: text.length }
      : undefined;
  }
  if (word.role !== 'argument' || !/^GOARCH=(?:amd64|386)$/.test(text)) return undefined;
  const shows = word.command?.name === 'echo' || word.command?.name === 'printf';
  return shows ? undefined : { start: 'GOARCH='.length, end: text.length };
}

/** `GOARCH=arm GOARM=7` is understood there as well. */
function takesMore({ role, command }: CodeWord): boolean {
  return role === 'assignment' || /^(?:env|export|make|sudo)$/.test(command?.name ?? '');
}

function setsGoarm({ command, instruction }: CodeWord): boolean {
  if (!command) return /\bGOARM\b/.test(instruction.logical.text);
  return (
    command.assignments.some((assignment) => assignment.name === 'GOARM') ||
    command.words.some(({ text }) => text.startsWith('GOARM='))
  );
}

const otherArch = /\bGOARCH=["']?(?:arm|ppc|s390|riscv|mips|wasm|loong)/;

const matrices = new Attached<Stage, boolean>();

function buildsForOthers(stage: Stage): boolean {
  const known = matrices.get(stage);
  if (known !== undefined) return known;
  const answer = stage.instructions.some(
    ({ logical, heredocs }) =>
      otherArch.test(logical.text) || heredocs.some(({ content }) => otherArch.test(content)),
  );
  matrices.set(stage, answer);
  return answer;
}

/** Programs for other systems, or for several architectures, are meant. */
function isMatrix({ command, instruction, stage }: CodeWord): boolean {
  if (stage && buildsForOthers(stage)) return true;
  const own = command
    ? [
        ...command.assignments.map(({ name: key, value }) => `${key}=${value.text}`),
        ...command.words.map((other) => other.text),
      ]
    : [instruction.logical.text];
  return own.some((item) => /\bGOOS[= ]["']?(?:windows|darwin|freebsd|js|android)/.test(item));
}

/** What the build itself runs is made for the build's platform. */
function isHostTool({ buildPlatform, command }: CodeWord): boolean {
  if (!buildPlatform || command?.name !== 'go') return false;
  const verb = command.words[1]?.text ?? '';
  return /^(?:install|get|run|generate|tool|vet|test)$/.test(verb);
}
