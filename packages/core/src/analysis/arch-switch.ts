import { Attached } from '../attached.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import type { ScopeOptions } from '../dockerfile/scope.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { isArchitectureCondition, mayAskArchitecture } from './architecture-condition.ts';
import { armVariants } from './armel-base.ts';
import { type CodeReading, readCode } from './code-words.ts';
import type { Script } from './scripts.ts';

type ShellSwitch = Script['shell']['switches'][number];

/** What a platform without a branch of its own gets: nothing, an error, what x86 or arm64 gets, or something for all others. */
export type Fallback = 'none' | 'stops' | 'x86' | 'arm64' | 'other';

/** The words that a switch compares with. */
export type SwitchVocabulary = 'dpkg' | 'apk' | 'uname' | 'rpm' | 'goarch' | 'docker' | 'platform';

/** A `case` or `if` chain of a script that asks for the architecture, x86 among others. */
export interface ArchSwitch {
  readonly script: Script;
  readonly shell: ShellSwitch;
  readonly fallback: Fallback;
  /** The platforms that have a branch: `linux/amd64`, `linux/arm64`, `linux/arm/v7`, `linux/arm/v6`. */
  readonly covered: ReadonlySet<string>;
  /** Platforms with a branch that is never taken, for the question is answered in other words: these. */
  readonly misnamed: Readonly<Record<string, string>>;
  /** `undefined` when the file does not tell. */
  readonly vocabulary: SwitchVocabulary | undefined;
  /** The name of the variable that is asked, where it is one. */
  readonly variable: string | undefined;
  /** Of the question, in the script's text. */
  readonly start: number;
  readonly end: number;
}

/** Everything that a platform may be called in a condition; a name of two platforms counts for both. */
const samples: Readonly<Record<string, readonly string[]>> = {
  'linux/amd64': ['amd64', 'x86_64', 'x64', 'x86-64', 'linux/amd64', 'i386', 'i686', '386', 'x86', 'amd64v1'],
  'linux/arm64': [
    'arm64',
    'aarch64',
    'linux/arm64',
    'arm64v8',
    'linux/arm64/v8',
    'armv8',
    'arm64/v8',
    'aarch_64',
  ],
  'linux/arm/v7': [
    'armhf',
    'armv7l',
    'armv7',
    'arm',
    'linux/arm/v7',
    'arm/v7',
    'linux/arm',
    'armv7hf',
    'arm32v7',
    'armv7hl',
    'arm32',
    'armv8l',
    'arm-v7',
    'armv7a',
    'armv7-a',
    'armhfp',
    'armhfv7',
    'armv7h',
  ],
  'linux/arm/v6': [
    'armhf',
    'armel',
    'armv6l',
    'armv6',
    'arm',
    'linux/arm/v6',
    'arm/v6',
    'linux/arm',
    'arm32v6',
    'armv6hf',
    'arm32',
    'arm-v6',
    'rpi',
    'armv7l',
    'armv5tel',
  ],
};

/** What is answered, where the question is known. */
const answers: Readonly<Partial<Record<SwitchVocabulary, Readonly<Record<string, string>>>>> = {
  dpkg: { 'linux/arm64': 'arm64', 'linux/arm/v7': 'armhf', 'linux/arm/v6': 'armel armhf' },
  apk: { 'linux/arm64': 'aarch64', 'linux/arm/v7': 'armv7', 'linux/arm/v6': 'armhf' },
  uname: { 'linux/arm64': 'aarch64', 'linux/arm/v7': 'armv7l armv8l', 'linux/arm/v6': 'armv6l armv7l' },
  goarch: { 'linux/arm64': 'arm64', 'linux/arm/v7': 'arm', 'linux/arm/v6': 'arm' },
  docker: { 'linux/arm64': 'arm64 arm64v8', 'linux/arm/v7': 'armv7', 'linux/arm/v6': 'armv6' },
  platform: {
    'linux/arm64': 'linux/arm64 linux/arm64/v8',
    'linux/arm/v7': 'linux/arm/v7',
    'linux/arm/v6': 'linux/arm/v6',
  },
};

const found = new Attached<CodeReading, readonly ArchSwitch[]>();

/** The switches on the architecture in all scripts that run on the target's platform. */
export function archSwitches(
  dockerfile: Dockerfile,
  options: Pick<ScopeOptions, 'buildArgs'>,
): readonly ArchSwitch[] {
  const reading = readCode(dockerfile, options);
  const known = found.get(reading);
  if (known) return known;
  const switches = reading.scriptsAbout(mayAskArchitecture).flatMap((script) =>
    script.shell.switches.flatMap((shell) => {
      const item = readSwitch(script, shell);
      // An old Alpine has ARMv6 alone, and a build for ARMv7 takes it.
      const armhf =
        item?.vocabulary === 'apk' && apkSaysArmhf(armVariants(dockerfile, script.stage, options));
      return item && armhf ? withArmhf(item) : (item ?? []);
    }),
  );
  found.set(reading, switches);
  return switches;
}

function apkSaysArmhf(variants: ReadonlySet<string> | undefined): boolean {
  return variants === undefined || !variants.has('v7');
}

/** The branch for armhf may be ARMv7's, too. */
function withArmhf(item: ArchSwitch): ArchSwitch {
  if (!item.covered.has('linux/arm/v6')) return item;
  const { 'linux/arm/v7': _, ...misnamed } = item.misnamed;
  return { ...item, misnamed, covered: new Set([...item.covered, 'linux/arm/v7']) };
}

function readSwitch(script: Script, shell: ShellSwitch): ArchSwitch | undefined {
  const patterns = shell.branches.flatMap((branch) => branch.patterns);
  const { text } = script.logical;
  const body = shell.fallback ? text.slice(shell.fallback.start, shell.fallback.end) : '';
  const words = shell.kind === 'case' ? patterns : patterns.flatMap(comparedWords);
  const named = Object.keys(samples).filter((platform) =>
    words.some((word) => coversPlatform(word, platform)),
  );
  const fallback = fallbackOf(shell, body);
  if (!named.includes('linux/amd64') && fallback !== 'x86') return undefined;
  const subject = shell.kind === 'case' ? shell.subject : subjectOfIf(patterns);
  const variable = /^"?\$\{?(\w+)[^$]*$/.exec(subject)?.[1];
  const asked = variable === undefined ? subject : `${subject} ${assignedTo(script, shell, variable)}`;
  if (
    shell.kind === 'if'
      ? !isArchitectureCondition(`${shell.subject} ${asked}`)
      : !isArchitectureCondition(asked, patterns)
  )
    return undefined;
  if (/\bBUILD(?:ARCH|PLATFORM|VARIANT)\b/.test(asked)) return undefined;
  const hostsOwn = /\bBUILD(?:PLATFORM|OS|ARCH)\b/.test(script.stage.platform?.value ?? '');
  if (hostsOwn && !/\bTARGET(?:ARCH|PLATFORM|VARIANT)\b/.test(asked)) return undefined;
  const vocabulary = vocabularyOf(subject, asked);
  const own = vocabulary && answers[vocabulary];
  const misnamed = Object.fromEntries(
    named.flatMap((platform) => {
      const answer = own?.[platform];
      const isTold = answer?.split(' ').some((word) => words.some((pattern) => matchesWord(pattern, word)));
      return answer === undefined || isTold ? [] : [[platform, answer.replace(' ', ' or ')]];
    }),
  );
  const at = text.indexOf(shell.subject, shell.start);
  return {
    script,
    shell,
    fallback,
    covered: new Set([
      ...named.filter((platform) => misnamed[platform] === undefined),
      ...(fallback === 'arm64' ? ['linux/arm64'] : []),
    ]),
    misnamed,
    vocabulary,
    variable,
    start: shell.start,
    end: at < 0 ? shell.end : at + shell.subject.length,
  };
}

/** The literal words that a condition compares with; a condition with `!=` speaks of all others, too. */
function comparedWords(condition: string): readonly string[] {
  if (/!=|!\s*(?:\[|test|grep|\w+\s*\|)|-ne\b|-v\b/.test(condition)) return ['*'];
  return condition
    .replace(/\$\([^)]*\)|`[^`]*`|\$\{[^}]*\}|\$\w+/g, ' ')
    .split(/[\s"'|();[\]=^]+/)
    .filter((word) => word !== '' && !word.startsWith('-'));
}

/** Tells whether a pattern of a `case` matches one of the names of a platform, `linux/arm/v7`. */
export function coversPlatform(pattern: string, platform: string): boolean {
  const own = samples[platform] ?? [];
  return own.some((name) => matchesWord(pattern, name));
}

/** Tells whether a pattern of a `case` matches a word. */
export function matchesWord(pattern: string, name: string): boolean {
  const lower = pattern.toLowerCase();
  if (!/[*?[]/.test(lower)) return lower === name;
  const expression = lower
    .replace(/[.+^${}()|\\/]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  try {
    return new RegExp(`^${expression}$`).test(name);
  } catch {
    return false;
  }
}

const stops =
  /(?:^|[\s;&|{(])(?:exit(?=\s*(?:$|[;&|})]|[1-9]))|exit\s+[1-9$]|false(?=\s*(?:$|[;&|})]))|return\s+[1-9])/;

/** Tells whether a script’s text ends the build with an error. */
export function stopsBuild(body: string): boolean {
  return stops.test(body);
}

const arm64Alone = /(?<![a-z0-9])(?:arm64|aarch64)(?![a-z0-9])/i;
const arm32 = /(?<![a-z0-9])(?:armhf|armel|armv[567]\w*|arm32\w*|arm)(?![a-z0-9])/i;

function fallbackOf(shell: ShellSwitch, body: string): Fallback {
  if (!shell.fallback) return 'none';
  if (stopsBuild(body)) return 'stops';
  if (archTokens(body).some(({ family }) => family === 'amd64')) return 'x86';
  return arm64Alone.test(body) && !arm32.test(body) ? 'arm64' : 'other';
}

/** What every condition of an `if` chain compares, when that is one thing; else the first that is read. */
function subjectOfIf(conditions: readonly string[]): string {
  const compared = conditions.map(
    (condition) =>
      /^\s*\[\[?\s+("?)(\$\{?\w+\}?|\$\([^|()]*\)|`[^|`]*`)\1\s+==?\s+["']?[\w./*-]+["']?\s+\]\]?\s*;?\s*$/.exec(
        condition,
      )?.[2],
  );
  const [first] = compared;
  if (first !== undefined && compared.every((other) => other === first)) return first;
  const [condition = ''] = conditions;
  const read = /\$\{?\w+[^\s"']*/.exec(condition)?.[0];
  return read === undefined ? condition : `${read} ${conditions.join(' ')}`;
}

/** What a variable was given before the switch; nothing when that is more than one thing. */
function assignedTo(script: Script, shell: ShellSwitch, variable: string): string {
  const values = script.shell.commands.flatMap((command) =>
    command.start < shell.start
      ? command.assignments.filter(({ name }) => name === variable).map(({ value }) => value.text)
      : [],
  );
  // `${dpkgArch##*-}` of itself takes musl- and its kin away.
  const [only, ...more] = values.filter((value) => !value.includes(`\${${variable}##*-}`));
  return more.length === 0 ? (only ?? '') : '';
}

const plainSubject = /^"?(?:\$\{?\w+(?:##\*-)?\}?|\$\([^|()]*\)|`[^|`]*`)"?$/;

function vocabularyOf(subject: string, asked: string): SwitchVocabulary | undefined {
  if (/^"?\$\{?TARGETARCH\}?\$\{?TARGETVARIANT\}?"?$/.test(subject)) return 'docker';
  // Through a filter it says something else.
  if (!plainSubject.test(subject) || asked.includes('|')) return undefined;
  if (/^"?\$\{?TARGETARCH\}?"?\s*$/.test(asked)) return 'goarch';
  if (/^"?\$\{?TARGETPLATFORM\}?"?\s*$/.test(asked)) return 'platform';
  if (/\bdpkg\s+--print-architecture/.test(asked)) return 'dpkg';
  if (/\bapk\s+--print-arch/.test(asked)) return 'apk';
  if (/\brpm\b/.test(asked)) return 'rpm';
  if (/\buname\s+-m\b|\$\(arch\)|`arch`/.test(asked)) return 'uname';
  return undefined;
}
