import { Attached } from '../attached.ts';
import type { ShellBranch } from '../dockerfile/shell-model.ts';

/** Commands that name the architecture they run on. */
const architectureCommand =
  /\buname\s+-[a-z]*[mp]|\bdpkg(?:-architecture)?\b[^|;&]*(?:print-architecture|-q|--query)|\bapk\s+--print-arch|\brpm\s+(?:-E|--eval)|\bgetconf\s+LONG_BIT|\bxx-info\b|(?:^|[\s`("'])arch(?:\)|`|$)|\bHOSTTYPE\b|\bMACHTYPE\b|\bconfig\.guess\b|\bgcc\s+-(?:dumpmachine|print-multiarch)/;

/** BuildKit's automatic ARGs and the names that people give to the same. */
const architectureVariable = /\$\{?(?:(?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT)|\w*arch\w*)\b/i;
const architectureWord =
  /(?:^|[^a-z0-9])(?:amd64|x86[-_]64|x64|i[3456]86|arm64|aarch64|arm64v8|armhf|armel|armv[5678]\w*|arm32v[567])(?![a-z0-9])/i;

/** The same as a word of its own: a file that is named for an architecture is no question. */
const aloneWord =
  /(?:^|[\s"'=/(|:])(?:amd64|x86[-_]64|x64|i[3456]86|arm64|aarch64|arm64v8|armhf|armel|armv[5678]\w*|arm32v[567])(?=$|[\s"')|;\]*])/i;
const isTest = /(?:^|[\s!(;&|])(?:\[\[?|test|case)\s/;

/** Whether there is a file: a question about the architecture only where a folder or the loader of one is asked for. */
const fileTest = /(?<=\s)-[b-hkprsuwxLN]\s+["']?(?![^\s"'$`]*(?:\blib|\bld-|\/proc\/))[^\s"'$`;&|]+["']?/g;

/** Tells whether a condition (of `if`, `case`, `&&`) is about the architecture. */
export function isArchitectureCondition(whole: string, patterns: readonly string[] = []): boolean {
  if (/https?:\/\//.test(whole)) return false;
  const condition = /(?:\[|test)\s/.test(whole) ? whole.replace(fileTest, '') : whole;
  return (
    architectureCommand.test(condition) ||
    architectureVariable.test(condition) ||
    (isTest.test(condition) ? architectureWord : aloneWord).test(condition) ||
    patterns.some((pattern) => architectureWord.test(pattern))
  );
}

/** A text without one of these asks no question about the architecture. */
export const mayAskArchitecture: RegExp =
  /arch|uname|amd64|x86|x64|i[3-6]86|arm|TARGET|BUILD(?:PLATFORM|VARIANT)|HOSTTYPE|MACHTYPE|config\.guess|LONG_BIT|xx-info|rpm\s|gcc\s/i;

const known = new Attached<readonly ShellBranch[], boolean>();

/** Tells whether one of the conditions that a command runs under is about the architecture. */
export function isOnArchitecture(branches: readonly ShellBranch[]): boolean {
  if (branches.length === 0) return false;
  // The commands of a branch have the same conditions, each with all its words.
  const answer =
    known.get(branches) ??
    branches.some(({ condition, patterns }) => isArchitectureCondition(condition, patterns));
  known.set(branches, answer);
  return answer;
}

/** Tells whether a command substitution names the architecture. */
export function isArchitectureCommand(text: string): boolean {
  return architectureCommand.test(text) || /\$\{?(?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT)\b/.test(text);
}

/** Tells whether a variable is one of BuildKit's that depend on the platform. */
export function isPlatformVariable(name: string): boolean {
  return /^(?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT|OS)$/.test(name);
}

/** Tells whether a text names an architecture, x86 or another. */
export function namesArchitecture(text: string): boolean {
  return architectureWord.test(text);
}
