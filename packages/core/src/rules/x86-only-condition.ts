import type { Platform } from '@mabuild/oci';
import { type ArchSwitch, archSwitches, stopsBuild } from '../analysis/arch-switch.ts';
import { isArchitectureCondition, mayAskArchitecture } from '../analysis/architecture-condition.ts';
import { isArmelBase } from '../analysis/armel-base.ts';
import { readCode } from '../analysis/code-words.ts';
import { type Script, scriptRange } from '../analysis/scripts.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms } from './code-finding.ts';
import { mentions } from './mentions.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';
import { missingBranches } from './switch-branch.ts';
import { answersOf, fateOf, isNeededLater, switchFinding } from './switch-finding.ts';

const name = 'x86-only-condition';

export const x86OnlyCondition: Rule = {
  name,
  summary: 'A condition on the architecture knows x86 but not arm64.',
  page: {
    why: 'The script asks for the architecture, and goes on or sets what is needed later only on x86. On ARM it stops, or goes on with an empty variable.',
    bad: 'FROM debian:12\nRUN case "$(dpkg --print-architecture)" in amd64) a=linux64 ;; *) exit 1 ;; esac && curl -fsSLO "https://example.org/pypy-$a.tar.bz2"',
    good: 'FROM debian:12\nRUN case "$(dpkg --print-architecture)" in amd64) a=linux64 ;; arm64) a=aarch64 ;; armhf) a=armhf ;; *) exit 1 ;; esac && curl -fsSLO "https://example.org/pypy-$a.tar.bz2"',
    silent: [
      'There is an else or *) that goes on.',
      'The condition only adds something on x86, e.g. a compiler flag, and nothing later reads what it set.',
      '|| true follows.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, mayAskArchitecture)) return [];
    const scripts = readCode(dockerfile, context).scriptsAbout(mayAskArchitecture);
    return [
      ...archSwitches(dockerfile, context).flatMap((item) =>
        switchFindings(dockerfile, context, item, platforms),
      ),
      ...scripts.flatMap((script) => refusals(script, platforms)),
      ...scripts.flatMap((script) => testFindings(script, platforms)),
    ];
  },
};

function switchFindings(
  dockerfile: Dockerfile,
  context: RuleContext,
  item: ArchSwitch,
  platforms: readonly Platform[],
): readonly Finding[] {
  const { covered, fallback } = item;
  // What knows arm64 is the rule arch-switch-lacks-arm32's.
  if (covered.has('linux/arm64') || fallback === 'other') return [];
  const missing = platforms.filter((platform) => !covered.has(platformKey(platform)));
  if (missing.length === 0 || (fallback === 'none' && !isNeededLater(item))) return [];
  const finding = (about: readonly Platform[]): Finding =>
    switchFinding(name, item, about, {
      severity: 'error',
      message: fateOf(item, about),
      hint: `${answersOf(item, about)}add a branch for each platform, or leave it out for them with *) ;; when it is not needed there`,
    });
  const armel = isArmelBase(dockerfile, item.script.stage, context);
  const made = missingBranches(dockerfile, item, readCode(dockerfile, context), missing, armel);
  const left = missing.filter((platform) => !made?.platforms.includes(platform));
  return [
    ...(made ? [{ ...finding(made.platforms), fix: 'semi' as const, edits: made.edits }] : []),
    ...(left.length > 0 ? [finding(left)] : []),
  ];
}

/** `if [ "$(uname -m)" != x86_64 ]; then exit 1; fi`. */
function refusals(script: Script, platforms: readonly Platform[]): readonly Finding[] {
  if (script.when !== 'build' || isOnBuildPlatform(script)) return [];
  return script.shell.switches.flatMap((item): readonly Finding[] => {
    const [first] = item.branches;
    if (item.kind !== 'if' || !first || item.branches.length > 1) return [];
    const condition = item.subject;
    const negated = /!=\s*["']?(?:linux\/)?(?:amd64|x86_64|x64)["']?(?=[\s\]]|$)/.test(condition);
    if (!negated || /&&|\|\||-a\b|-o\b/.test(condition) || !isArchitectureCondition(condition)) return [];
    if (!stopsBuild(script.logical.text.slice(first.start, first.end))) return [];
    const at = script.logical.text.indexOf(condition, item.start);
    return [
      {
        rule: name,
        severity: 'error',
        platforms,
        message: 'the script stops on everything but x86',
        hint: 'take the test out, or let it know the other platforms',
        range: scriptRange(script, item.start, at < 0 ? item.end : at + condition.length),
        fix: 'none',
        edits: [],
      },
    ];
  });
}

function isOnBuildPlatform({ stage }: Script): boolean {
  return /\bBUILD(?:PLATFORM|OS|ARCH)\b/.test(stage.platform?.value ?? '');
}

/** `-e /usr/lib/x86_64-linux-gnu/x`. */
const libraryTest = /(?<=\s)-[b-hkprsuwxLN]\s+["']?[^\s;&|"']*\/(?:x86_64|i[36]86)-linux-gnu[^\s;&|]*/g;

/** `[ "$(uname -m)" = x86_64 ] || exit 1`, and a RUN that ends with `[ … ] && command`, which fails on ARM. */
function testFindings(script: Script, platforms: readonly Platform[]): readonly Finding[] {
  const { commands, switches } = script.shell;
  if (script.when !== 'build' || isOnBuildPlatform(script)) return [];
  return commands.flatMap((command, index): readonly Finding[] => {
    if (command.nested || switches.some(({ start, end }) => start <= command.start && command.end <= end))
      return [];
    const condition = command.branches.at(-1);
    if (!condition || condition.patterns.length > 0) return [];
    // Where a library has to be, the rule multiarch-libdir says.
    const asked = condition.negated ? condition.condition.replace(libraryTest, '') : condition.condition;
    if (!isX86Only(asked)) return [];
    const isLast = index === commands.length - 1 && script.logical.text.slice(command.end).trim() === '';
    const isStop = command.name === 'exit' || command.name === 'false';
    const stopsArm = condition.negated ? isStop : isLast && !isStop && command.branches.length === 1;
    if (!stopsArm) return [];
    const at = script.logical.text.lastIndexOf(condition.condition, command.start);
    return [
      {
        rule: name,
        severity: 'error',
        platforms,
        message: condition.negated
          ? 'the script stops on everything but x86'
          : 'the RUN ends with a test that fails on everything but x86, and so does the build',
        hint: condition.negated
          ? 'take the test out, or let it know the other platforms'
          : 'write it as `if …; then …; fi`',
        range: scriptRange(script, at < 0 ? command.start : at, command.end),
        fix: 'none',
        edits: [],
      },
    ];
  });
}

function isX86Only(condition: string): boolean {
  // A file is searched, not the machine asked.
  if (!/^\s*(?:\[|test\b|uname\b|arch\b|dpkg\b|apk\b)/.test(condition)) return false;
  if (/!=|\|\||&&/.test(condition) || !isArchitectureCondition(condition)) return false;
  if (/arm|aarch|BUILD(?:ARCH|PLATFORM)/i.test(condition.replace(/\$\{?\w+/g, ''))) return false;
  return archTokens(condition).some(({ family }) => family === 'amd64');
}
