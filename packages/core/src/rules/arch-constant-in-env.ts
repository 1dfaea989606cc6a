import { siteKey } from '../analysis/arch-places.ts';
import { type CodeReading, type CodeWord, rangeOfWord, readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { archTokens, nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms, knownPlatforms, placesFor, siteKeys, variationAt } from './code-finding.ts';
import { urlFindings } from './download-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';
import { findingsOf } from './word-hits.ts';
import { x86Arguments } from './x86-argument.ts';

const name = 'arch-constant-in-env';
/** Names of programs that speak Go's language; who else reads a variable, and in which words, the file does not tell. */
const goNames = /(?:^|_)(?:GO|DRONE|DOCKER|TARGET|RUNNER|IMAGE|OCI|KUBE|HELM|TF)_/;
/** Other rules know these better. */
const otherRules = /^(?:GOARCH|GOAMD64|(?:TARGET|BUILD)(?:ARCH|PLATFORM|OS|VARIANT)|JAVA_HOME|CONDA_SUBDIR)$/;

export const archConstantInEnv: Rule = {
  name,
  summary: 'An ENV, ARG or shell variable, or a word of a command, says that the architecture is x86.',
  page: {
    why: 'Everything that reads the variable, in the build or at run time, takes the machine for an x86 one.',
    bad: 'FROM debian:bookworm\nENV DRONE_RUNNER_ARCH=amd64',
    good: 'FROM debian:bookworm\nARG TARGETARCH\nENV DRONE_RUNNER_ARCH=${TARGETARCH}',
    perArch: { platform: 'linux/arm/v7', text: 'ENV DRONE_RUNNER_ARCH=arm' },
    silent: [
      'The stage is FROM --platform=$BUILDPLATFORM or is named for an architecture.',
      'The variable is GOARCH: goarch-x86 speaks of it.',
      'The ARG is given with --build-arg.',
      'The variable is a row of a table: TINI_URL_amd64 beside TINI_URL_arm64.',
    ],
  },
  async check(dockerfile, context) {
    const downloaded = await urlFindings(name, dockerfile, context);
    if (!mentions(dockerfile, context, wordsOf.x86)) return downloaded;
    const reading = readCode(dockerfile, context);
    const covered = siteKeys(await placesFor(dockerfile, context));
    const alone = reading
      .wordsAbout(wordsOf.x86)
      .flatMap((word) => constantFinding(word, reading, covered, context));
    const told = findingsOf(name, dockerfile, context, x86Arguments(reading));
    return [...downloaded, ...alone, ...told];
  },
};

function constantFinding(
  word: CodeWord,
  reading: CodeReading,
  covered: ReadonlySet<string>,
  context: RuleContext,
): readonly Finding[] {
  const platforms = armPlatforms(context);
  if (word.role !== 'env' && word.role !== 'arg' && word.role !== 'assignment') return [];
  if (word.guarded || word.buildPlatform || platforms.length === 0) return [];
  if (word.name === undefined || otherRules.test(word.name)) return [];
  if (word.role === 'arg' && Object.hasOwn(context.buildArgs, word.name)) return [];
  const { text } = word.mapped;
  const [token, ...others] = archTokens(text);
  const whole = token?.start === 0 && token.end === text.length;
  const prefixed =
    text === `linux-${token?.token}` || text === `linux_${token?.token}` || text === `linux/${token?.token}`;
  if (!token || others.length > 0 || token.family !== 'amd64' || !(whole || prefixed)) return [];
  const site = siteAt(word.mapped, token.start, token.end);
  // A constant that another one is made of is reported there.
  if (!site || site.instruction !== word.instruction || covered.has(siteKey(site))) return [];
  const used = reading
    .wordsAbout(wordsOf.x86)
    .some((other) => other !== word && reads(other, siteKey(site), token.token));
  const texts = textsOf(token.token, used);
  const { known, unknown } = knownPlatforms(platforms, texts);
  const variation = variationAt(word.mapped, token, 'arch', texts);
  const written = variation !== undefined && unknown.length === 0;
  return [
    {
      rule: name,
      severity: 'error',
      platforms: written ? known : platforms,
      message: `${word.name} says that the architecture is ${text}`,
      hint: written
        ? `it is ${[...new Set(Object.values(texts))].join(' or ')} there, when what reads it has the same vocabulary`
        : 'choose it with a case on TARGETARCH in the RUN that reads it: what it has to be depends on what reads it',
      range: rangeOfWord(word),
      fix: !written ? 'none' : isCertain(word, token.token) ? 'auto' : 'suggest',
      edits: [],
      ...(written ? { variations: [variation] } : {}),
    },
  ];
}

/** An ARG is there to be given another value; of `amd64` it depends on the reader what the others are. */
function isCertain({ role, name = '' }: CodeWord, token: string): boolean {
  return goNames.test(name) || (role !== 'arg' && token !== 'amd64');
}

/**
 * What a constant becomes. All who say x86_64 say aarch64, and all who say x64 say arm64; `amd64` is Go's word when nothing
 * in the file reads the value, as another reader may have another vocabulary.
 */
function textsOf(token: string, used: boolean): Readonly<Record<string, string>> {
  if (token === 'x86_64') return { 'linux/arm64': 'aarch64' };
  if (token === 'x64') return { 'linux/arm64': 'arm64' };
  if (token !== 'amd64') return {};
  const all = ['linux/arm64', ...(used ? [] : ['linux/arm/v7', 'linux/arm/v6'])];
  return Object.fromEntries(
    all.flatMap((key) => {
      const text = nameIn('goarch', key);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

function reads({ mapped }: CodeWord, key: string, token: string): boolean {
  if (!mapped.text.includes(token)) return false;
  return mapped.leaves.some((leaf) => {
    if (leaf.through === undefined) return false;
    const site = siteAt(mapped, leaf.start, leaf.end);
    return site !== undefined && siteKey(site) === key;
  });
}
