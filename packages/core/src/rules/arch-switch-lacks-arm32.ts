import type { Platform } from '@mabuild/oci';
import { type ArchSwitch, archSwitches } from '../analysis/arch-switch.ts';
import { mayAskArchitecture } from '../analysis/architecture-condition.ts';
import { isArmelBase } from '../analysis/armel-base.ts';
import { readCode } from '../analysis/code-words.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms } from './code-finding.ts';
import { mentions } from './mentions.ts';
import type { Finding, Rule } from './rule.ts';
import { missingBranches } from './switch-branch.ts';
import { answersOf, fateOf, isNeededLater, runsCommands, switchFinding } from './switch-finding.ts';

const name = 'arch-switch-lacks-arm32';

export const archSwitchLacksArm32: Rule = {
  name,
  summary: 'A condition on the architecture knows amd64 and arm64 but not 32-bit ARM.',
  page: {
    why: 'The script chooses by architecture and has no branch for 32-bit ARM: it stops there, or goes on with an empty variable. What the branch is called depends on who is asked: dpkg says armhf for arm/v7, Alpine armv7 (its armhf is arm/v6), uname armv7l, TARGETARCH arm.',
    bad: 'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) a=x64 ;; arm64) a=arm64 ;; *) exit 1 ;; esac && curl -fsSLO "https://example.org/t-$a.tgz"\nRUN case "$(uname -m)" in x86_64) a=x64 ;; aarch64) a=arm64 ;; esac && curl -fsSLO "https://example.org/t-$a.tgz"',
    good: 'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) a=x64 ;; arm64) a=arm64 ;; arm) a=armv7l ;; *) exit 1 ;; esac && curl -fsSLO "https://example.org/t-$a.tgz"',
    silent: ['A branch or a *) or else that goes on is there for 32-bit ARM.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context).filter((platform) => platform.architecture === 'arm');
    if (platforms.length === 0 || !mentions(dockerfile, context, mayAskArchitecture)) return [];
    const reading = readCode(dockerfile, context);
    return archSwitches(dockerfile, context).flatMap((item): readonly Finding[] => {
      const missing = platforms.filter((platform) => !item.covered.has(platformKey(platform)));
      if (missing.length === 0 || !item.covered.has('linux/arm64') || goesOn(item)) return [];
      const armel = isArmelBase(dockerfile, item.script.stage, context);
      const made = missingBranches(dockerfile, item, reading, missing, armel);
      const left = missing.filter((platform) => !made?.platforms.includes(platform));
      return [
        ...(made ? [{ ...findingFor(item, made.platforms), fix: 'semi' as const, edits: made.edits }] : []),
        ...(left.length > 0 ? [findingFor(item, left)] : []),
      ];
    });
  },
};

/** What the switch does not name is thought of: an else, or a variable that has its value before. */
function goesOn(item: ArchSwitch): boolean {
  if (item.fallback === 'none') return !runsCommands(item) && !isNeededLater(item);
  return item.fallback === 'other';
}

function findingFor(item: ArchSwitch, platforms: readonly Platform[]): Finding {
  return switchFinding(name, item, platforms, {
    severity: item.fallback === 'none' ? 'warning' : 'error',
    message: fateOf(item, platforms),
    hint: `${answersOf(item, platforms)}add a branch when what it chooses exists for the platform; without a build of it, leave the platform out`,
  });
}
