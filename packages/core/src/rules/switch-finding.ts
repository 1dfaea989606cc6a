import { formatPlatform, formatPlatformList, type Platform } from '@mabuild/oci';
import type { ArchSwitch } from '../analysis/arch-switch.ts';
import { scriptRange } from '../analysis/scripts.ts';
import { platformKey } from '../fixes/variation.ts';
import type { Finding, FixKind, Severity } from './rule.ts';

/** A finding about a `case` or `if` that leaves platforms out. */
export function switchFinding(
  rule: string,
  item: ArchSwitch,
  platforms: readonly Platform[],
  told: {
    readonly severity: Severity;
    readonly message: string;
    readonly hint: string;
    readonly fix?: FixKind;
  },
): Finding {
  return {
    rule,
    platforms,
    range: scriptRange(item.script, item.start, item.end),
    fix: 'none',
    edits: [],
    ...told,
  };
}

/** What becomes of the platforms that a switch does not name. */
export function fateOf(item: ArchSwitch, platforms: readonly Platform[]): string {
  const names = formatPlatformList(platforms);
  const what = item.shell.kind === 'case' ? 'case' : 'condition';
  if (item.fallback === 'stops') return `the ${what} on the architecture stops the build for ${names}`;
  if (item.fallback === 'x86') return `the ${what} on the architecture takes x86's branch for ${names}`;
  if (item.fallback === 'arm64') return `the ${what} on the architecture takes arm64's branch for ${names}`;
  return `the ${what} on the architecture has nothing for ${names}`;
}

/** What is answered instead of the words that the branches have; empty when they are right. */
export function answersOf(item: ArchSwitch, platforms: readonly Platform[]): string {
  const told = platforms.flatMap((platform) => {
    const answer = item.misnamed[platformKey(platform)];
    return answer === undefined ? [] : [`${answer} for ${formatPlatform(platform)}`];
  });
  return told.length === 0 ? '' : `the question is answered with ${told.join(', ')}; `;
}

/** Tells whether the branches run commands, other than setting variables. */
export function runsCommands(item: ArchSwitch): boolean {
  return item.script.shell.commands.some(
    ({ start, end, words }) =>
      words.length > 0 && item.shell.branches.some((branch) => start >= branch.start && end <= branch.end),
  );
}

/** Tells whether something after the switch reads a variable that only its branches set. */
export function isNeededLater(item: ArchSwitch): boolean {
  const { shell, logical } = item.script;
  const inside = (command: { readonly start: number; readonly end: number }): boolean =>
    command.start >= item.shell.start && command.end <= item.shell.end;
  const set = new Set(
    shell.commands.filter(inside).flatMap((command) => command.assignments.map(({ name }) => name)),
  );
  for (const command of shell.commands) {
    if (!inside(command) && command.start < item.shell.start)
      for (const { name } of command.assignments) set.delete(name);
  }
  const after = logical.text.slice(item.shell.end);
  return [...set].some((name) => new RegExp(`\\$\\{?${name}\\b`).test(after));
}
