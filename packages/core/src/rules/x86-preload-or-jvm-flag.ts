import { libraryFolders } from '../analysis/armel-base.ts';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'x86-preload-or-jvm-flag';

const jvmFlag =
  / ?(?<![\w:-])(?:-XX:(?:UseAVX=\d|[+-]UseSSE42Intrinsics|UseSSE=\d|[+-]?UseAVX\w*|[+-]UseXmm\w+)|-d64)(?![\w=])/g;
const folder = /(?<=\/)x86_64-linux-gnu(?=\/)/g;

const trigger = /LD_PRELOAD|-XX:|-d64/;

export const x86PreloadOrJvmFlag: Rule = {
  name,
  summary: 'LD_PRELOAD names an x86 library, or a flag of the JVM is for x86.',
  page: {
    why: 'With an LD_PRELOAD that is not there every command after it prints an error, and the allocator that was meant is not used. A JVM that does not know a flag such as -XX:UseAVX does not start.',
    bad: 'FROM debian:12\nENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\nENV JAVA_OPTS="-Xmx1g -XX:UseAVX=2"',
    good: 'FROM debian:12\nRUN ln -s /usr/lib/*-linux-gnu*/libjemalloc.so.2 /usr/local/lib/libjemalloc.so.2\nENV LD_PRELOAD=/usr/local/lib/libjemalloc.so.2\nENV JAVA_OPTS="-Xmx1g"',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM --platform=linux/arm64 arm64v8/debian:12\nENV LD_PRELOAD=/usr/lib/aarch64-linux-gnu/libjemalloc.so.2',
    },
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word): readonly WordHit[] =>
        isLeftAlone(word) ? [] : [...preloadHits(dockerfile, context, word), ...flagHits(context, word)],
      );
    return findingsOf(name, dockerfile, context, hits);
  },
};

function preloadHits(dockerfile: Dockerfile, context: RuleContext, word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  if (word.name !== 'LD_PRELOAD' && !text.includes('LD_PRELOAD=')) return [];
  const texts = libraryFolders(dockerfile, word.stage, armPlatforms(context), context);
  return [...text.matchAll(folder)].map((match) => ({
    word,
    start: match.index,
    end: match.index + match[0].length,
    texts,
    message: 'LD_PRELOAD names a library of amd64',
  }));
}

function flagHits(context: RuleContext, word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  if (!/-XX:[+-]?Use(?:AVX|SSE|Xmm)|-d64/.test(text)) return [];
  if (word.command?.name === 'echo' || !isJava(word)) return [];
  const texts = Object.fromEntries(armPlatforms(context).map((platform) => [platformKey(platform), '']));
  return [...text.matchAll(jvmFlag)].map((match) => ({
    word,
    start: match.index,
    end: match.index + match[0].length,
    texts,
    name: 'flag',
    message: `${match[0].trim()} is a flag of the JVM for x86`,
    hint: 'leave it out on ARM',
  }));
}

function isJava(word: CodeWord): boolean {
  const { text } = word.mapped;
  if (text.includes('-XX:')) return true;
  const isOptions = /JAVA|JVM|JDK|CATALINA|MAVEN|GRADLE|_OPTS$/.test(word.name ?? '');
  const runsJava = word.command?.name === 'java' || word.command === undefined;
  return isOptions || (runsJava && (word.role === 'argument' || /\bjava\b/.test(text)));
}
