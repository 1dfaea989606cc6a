import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'cpu-tuning-flag';

/** gcc's and clang's names of x86 processors. */
const processors =
  'x86-64(?:-v[1-4])?|core2|corei7[\\w-]*|nehalem|westmere|sandybridge|ivybridge|haswell|broadwell|skylake[\\w-]*|cascadelake|icelake[\\w-]*|cannonlake|tigerlake|sapphirerapids|alderlake|atom|bonnell|silvermont|znver\\d|zen\\d?|btver\\d|bdver\\d|barcelona|amdfam10|k8[\\w-]*|athlon[\\w-]*|opteron[\\w-]*|i[3-6]86|pentium[\\w-]*|prescott|nocona|geode';
const flag = new RegExp(
  ` ?(?<![\\w-])(?:-m(?:arch|tune|cpu)=(?:${processors})|-mtune=intel|-m(?:sse|ssse|avx)[\\w.]*|-m(?:fma4?|f16c|aes|pclmul|bmi2?|popcnt|lzcnt|xop|mmx|3dnow|adx|rdrnd|64|32|x32)|-C\\s?target-cpu=(?:${processors}))(?![\\w.=-])`,
  'g',
);
const option = /^-D\w*(?:AVX|SSE\d|SSSE|_SSE|FMA3|BMI2|F16C)\w*(?::BOOL)?=(?:ON|1|TRUE|YES)$/i;
const cpuOnly = new RegExp(`^target-cpu=(?:${processors})$`);
const native = /(?<![\w-])(?:-march=native|-C\s?target-cpu=native)(?![\w-])/g;
/** Commands that read text, or take such options in another sense. */
const others: ReadonlySet<string> = new Set(
  'echo printf sed grep egrep awk free df du ls cut head tail mount curl wget find sort'.split(' '),
);

const trigger =
  /-m(?:arch|tune|cpu)=|-m(?:s?sse|avx|fma|f16c|aes|pclmul|bmi|popcnt|lzcnt|xop|mmx|3dnow|adx|rdrnd|64|32|x32)|target-cpu|-D\w*(?:AVX|SSE|FMA3|BMI2|F16C)/i;

export const cpuTuningFlag: Rule = {
  name,
  summary: 'A compiler flag is for x86 processors: -march=haswell, -mavx2, -m64.',
  page: {
    why: 'A compiler for ARM refuses -m64, -msse4.2 or -march=x86-64-v3, and the build stops. -march=native makes a program for the machine that builds: another one may not run it, and under emulation it means nothing.',
    bad: 'FROM debian:12\nENV CFLAGS="-O2 -march=haswell -mavx2"',
    good: 'FROM debian:12\nENV CFLAGS="-O2"',
    silent: ['The flag stands in a branch for x86.', 'sed, grep or echo only reads or shows it.'],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word) => hitsOf(word, context));
    return findingsOf(name, dockerfile, context, hits);
  },
};

function hitsOf(word: CodeWord, context: RuleContext): readonly WordHit[] {
  const { text } = word.mapped;
  if (isLeftAlone(word)) return [];
  if (!text.includes('-m') && !text.includes('target-cpu') && !text.startsWith('-D')) return [];
  if (others.has(word.command?.name ?? '') || word.role === 'heredoc') return [];
  const nothing = Object.fromEntries(armPlatforms(context).map((platform) => [platformKey(platform), '']));
  const base = { word, name: 'flag', hint: 'leave it out on ARM' };
  if (option.test(text)) {
    const off = text.slice(0, text.indexOf('=') + 1);
    const span = { start: off.length, end: text.length };
    const texts = Object.fromEntries(Object.keys(nothing).map((key) => [key, 'OFF']));
    return [
      {
        ...base,
        ...span,
        texts,
        message: `${text} switches x86 instructions on`,
        hint: 'switch it off on ARM',
      },
    ];
  }
  const before = word.index === undefined ? '' : (word.command?.words[word.index - 1]?.text ?? '');
  if (cpuOnly.test(text) && before === '-C') {
    const span = { start: 'target-cpu='.length, end: text.length };
    const texts = Object.fromEntries(Object.keys(nothing).map((key) => [key, 'generic']));
    return [{ ...base, ...span, texts, message: `${text} is an x86 processor`, hint: 'take generic on ARM' }];
  }
  const flags = [...text.matchAll(flag)]
    .filter((match) => isCompilers(word, match[0].trim()))
    .map((match): WordHit => {
      const is32 = /^ ?-m(?:32|x32)$/.test(match[0]);
      return {
        ...base,
        start: match.index,
        end: match.index + match[0].length,
        // Programs of 32 bits are meant, which dropping the flag would not make.
        texts: is32 ? {} : nothing,
        message: `${match[0].trim()} is for x86 processors`,
        ...(is32 ? { hint: 'compilers for ARM have no such flag' } : {}),
      };
    });
  const natives = [...text.matchAll(native)].map(
    (match): WordHit => ({
      word,
      start: match.index,
      end: match.index + match[0].length,
      texts: {},
      severity: 'warning',
      message: `${match[0]} makes a program for the machine that builds`,
      hint: 'name the oldest processor that must run it, or leave the flag out',
    }),
  );
  return [...flags, ...natives];
}

/** `-m64` means many things; only a compiler's is meant. */
function isCompilers({ name: variable, command, role, mapped }: CodeWord, written: string): boolean {
  if (!/^-m(?:64|32|x32|aes|adx|mmx)$/.test(written)) return true;
  if (variable !== undefined) return /FLAGS|^CC$|^CXX$|^LD|OPT|ARCH/.test(variable);
  if (role !== 'argument') return false;
  if (/FLAGS=|^CC=|^CXX=/.test(mapped.text)) return true;
  return /^(?:.*-)?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|ld|gfortran|as|nvcc)(?:-[\d.]+)?$/.test(
    command?.name ?? '',
  );
}
