import { archTokens } from '../knowledge/architecture-names.ts';
import { isArchitectureCondition } from './architecture-condition.ts';
import type { CodeReading } from './code-words.ts';
import type { Script } from './scripts.ts';

type ShellSwitch = Script['shell']['switches'][number];

/** What a platform without a branch of its own gets: nothing, an error, what x86 gets, or something for all others. */
export type Fallback = 'none' | 'stops' | 'x86' | 'other';

/** The words that a switch compares with. */
export type SwitchVocabulary = 'dpkg' | 'apk' | 'uname' | 'rpm' | 'goarch' | 'docker' | 'platform';

/** A `case` or `if` chain of a script that asks for the architecture, x86 among others. */
export interface ArchSwitch {
  readonly script: Script;
  readonly shell: ShellSwitch;
  readonly fallback: Fallback;
  /** The platforms that have a branch: `linux/amd64`, `linux/arm64`, `linux/arm/v7`, `linux/arm/v6`. */
  readonly covered: ReadonlySet<string>;
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

const found = new WeakMap<CodeReading, readonly ArchSwitch[]>();

/** The switches on the architecture in all scripts that run on the target's platform. */
export function archSwitches(reading: CodeReading): readonly ArchSwitch[] {
  const known = found.get(reading);
  if (known) return known;
  const switches = reading.scripts.flatMap((script) =>
    script.shell.switches.flatMap((shell) => readSwitch(script, shell) ?? []),
  );
  found.set(reading, switches);
  return switches;
}

function readSwitch(script: Script, shell: ShellSwitch): ArchSwitch | undefined {
  const patterns = shell.branches.flatMap((branch) => branch.patterns);
  const { text } = script.logical;
  const body = shell.fallback ? text.slice(shell.fallback.start, shell.fallback.end) : '';
  const words = shell.kind === 'case' ? patterns : patterns.flatMap(comparedWords);
  const covered = new Set(
    Object.keys(samples).filter((platform) => words.some((word) => coversPlatform(word, platform))),
  );
  const fallback = fallbackOf(shell, body);
  if (!covered.has('linux/amd64') && fallback !== 'x86') return undefined;
  const variable = /^"?\$\{?(\w+)[^$]*$/.exec(
    shell.kind === 'case' ? shell.subject : subjectOfIf(shell.subject),
  )?.[1];
  const asked =
    variable === undefined ? shell.subject : `${shell.subject} ${assignedTo(script, shell, variable)}`;
  if (
    shell.kind === 'if' ? !isArchitectureCondition(shell.subject) : !isArchitectureCondition(asked, patterns)
  )
    return undefined;
  if (/\bBUILD(?:ARCH|PLATFORM|VARIANT)\b/.test(asked)) return undefined;
  const hostsOwn = /\bBUILD(?:PLATFORM|OS|ARCH)\b/.test(script.stage.platform?.value ?? '');
  if (hostsOwn && !/\bTARGET(?:ARCH|PLATFORM|VARIANT)\b/.test(asked)) return undefined;
  const at = text.indexOf(shell.subject, shell.start);
  return {
    script,
    shell,
    fallback,
    covered,
    vocabulary: vocabularyOf(asked),
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
  if (!/[*?[]/.test(pattern)) return own.includes(pattern.toLowerCase());
  const expression = pattern
    .toLowerCase()
    .replace(/[.+^${}()|\\/]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  try {
    const matcher = new RegExp(`^${expression}$`);
    return own.some((name) => matcher.test(name));
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

function fallbackOf(shell: ShellSwitch, body: string): Fallback {
  if (!shell.fallback) return 'none';
  if (stopsBuild(body)) return 'stops';
  return archTokens(body).some(({ family }) => family === 'amd64') ? 'x86' : 'other';
}

function subjectOfIf(condition: string): string {
  return /\$\{?\w+[^\s"']*/.exec(condition)?.[0] ?? condition;
}

/** What a variable was given before the switch. */
function assignedTo(script: Script, shell: ShellSwitch, variable: string): string {
  const values = script.shell.commands.flatMap((command) =>
    command.start < shell.start
      ? command.assignments.filter(({ name }) => name === variable).map(({ value }) => value.text)
      : [],
  );
  return values.at(-1) ?? '';
}

function vocabularyOf(asked: string): SwitchVocabulary | undefined {
  if (/\bdpkg\b/.test(asked)) return 'dpkg';
  if (/\bapk\b/.test(asked)) return 'apk';
  if (/\brpm\b/.test(asked)) return 'rpm';
  if (/\buname\b|\$\(arch\)|`arch`/.test(asked)) return 'uname';
  if (/TARGETARCH\}?\$\{?TARGETVARIANT/.test(asked)) return 'docker';
  if (/^"?\$\{?TARGETARCH\}?"?\s*$/.test(asked)) return 'goarch';
  if (/^"?\$\{?TARGETPLATFORM\}?"?\s*$/.test(asked)) return 'platform';
  return undefined;
}
