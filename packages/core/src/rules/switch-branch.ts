import type { Platform } from '@mabuild/oci';
import {
  type ArchSwitch,
  coversPlatform,
  matchesWord,
  type SwitchVocabulary,
} from '../analysis/arch-switch.ts';
import type { CodeReading } from '../analysis/code-words.ts';
import { namesAddress } from '../analysis/downloads.ts';
import { addressPattern, solveAddress } from '../analysis/solve-address.ts';
import { sourceOffset } from '../dockerfile/logical.ts';
import type { Dockerfile, TextEdit } from '../dockerfile/model.ts';
import type { ShellCommand } from '../dockerfile/shell-model.ts';
import { platformKey } from '../fixes/variation.ts';
import { nameIn } from '../knowledge/architecture-names.ts';

/** Values of the variables that a branch sets. */
type Values = Readonly<Record<string, string>>;

/**
 * The branches that a `case` lacks, where a well-known download tells what its variables have to be.
 *
 * Only branches that do nothing but set variables, all of them parts of such an address, can be made up.
 * @param armel the base is Debian's for soft-float, where dpkg says `armel` on ARMv6
 */
export function missingBranches(
  dockerfile: Dockerfile,
  item: ArchSwitch,
  reading: CodeReading,
  platforms: readonly Platform[],
  armel: boolean,
): { readonly platforms: readonly Platform[]; readonly edits: readonly TextEdit[] } | undefined {
  const { shell, script, vocabulary } = item;
  if (shell.kind !== 'case' || shell.insertAt === undefined || script.shell.broken || !vocabulary)
    return undefined;
  // The last branch may do without ;; before esac, and not before another one.
  const last = Math.max(...shell.branches.map(({ end }) => end));
  if (!script.logical.text.slice(last, shell.insertAt).includes(';;')) return undefined;
  const x64 = shell.branches.find(({ patterns }) =>
    patterns.some((pattern) => coversPlatform(pattern, 'linux/amd64')),
  );
  const own = x64 && valuesOf(item, x64);
  if (!own) return undefined;
  const solve = (key: string): Values | undefined => solvedFor(key, own, item, reading);
  // The table and the author agree on what the author knows; else it is another download than the table's.
  for (const key of ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6']) {
    const label = labelOf(vocabulary, key, true);
    const written = shell.branches.find(
      ({ patterns }) => label !== undefined && patterns.some((pattern) => matchesWord(pattern, label)),
    );
    const solved = written && solve(key);
    if (!solved && key !== 'linux/arm64') continue;
    if (written && JSON.stringify(solved) !== JSON.stringify(valuesOf(item, written))) return undefined;
  }
  const branches = new Map<string, string>();
  const done: Platform[] = [];
  for (const platform of platforms) {
    const label = labelOf(vocabulary, platformKey(platform), armel);
    const values = solve(platformKey(platform));
    if (label === undefined || !values) continue;
    const body = Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
    if (branches.has(label) && branches.get(label) !== body) return undefined;
    // One word for ARMv7 and ARMv6 must be right for both.
    if (vocabulary === 'goarch' && platform.architecture === 'arm') {
      const twin = platformKey(platform) === 'linux/arm/v7' ? 'linux/arm/v6' : 'linux/arm/v7';
      const other = solve(twin);
      if (other && JSON.stringify(other) !== JSON.stringify(values)) continue;
      if (!other && platforms.some((asked) => platformKey(asked) === twin)) continue;
    }
    branches.set(label, body);
    done.push(platform);
  }
  if (done.length === 0) return undefined;
  const separator = separatorBefore(dockerfile, item, shell.insertAt);
  const text = [...branches].map(([label, body]) => `${label}) ${body} ;;${separator}`).join('');
  const at = sourceOffset(script.logical, shell.insertAt);
  return { platforms: done, edits: [{ start: at, end: at, newText: text }] };
}

/** What a branch sets, in order; `undefined` when it does anything else. */
function valuesOf(
  { script }: ArchSwitch,
  branch: { readonly start: number; readonly end: number },
): Values | undefined {
  const values: Record<string, string> = {};
  const commands = script.shell.commands.filter(
    ({ start, end }) => start >= branch.start && end <= branch.end,
  );
  for (const command of commands) {
    if (!isAssignment(command)) return undefined;
    for (const { name, value } of command.assignments) {
      const texts = value.parts.map((part) => (part.kind === 'text' ? part.value : undefined));
      if (texts.includes(undefined)) return undefined;
      values[name] = texts.join('');
    }
  }
  return commands.length > 0 ? values : undefined;
}

function isAssignment({ words, assignments, redirects }: ShellCommand): boolean {
  return words.length === 0 && redirects.length === 0 && assignments.length > 0;
}

/** The values that make every address with a variable of the switch what the tool calls it on a platform. */
function solvedFor(key: string, own: Values, item: ArchSwitch, reading: CodeReading): Values | undefined {
  const names = Object.keys(own);
  const solved: Record<string, string> = {};
  for (const word of reading.wordsAbout(namesAddress)) {
    if (word.script !== item.script || !word.mapped.text.includes('://')) continue;
    for (const [template] of word.mapped.text.matchAll(addressPattern)) {
      if (!names.some((name) => template.includes(`\${${name}}`))) continue;
      const values = solveAddress(template, own, key)?.values;
      if (!values) return undefined;
      for (const [name, value] of Object.entries(values)) {
        if (solved[name] !== undefined && solved[name] !== value) return undefined;
        solved[name] = value;
      }
    }
  }
  const inOrder = names.map((name) => [name, solved[name]] as const);
  if (inOrder.some(([, value]) => value === undefined || !/^[\w.-]+$/.test(value))) return undefined;
  return Object.fromEntries(inOrder) as Values;
}

function labelOf(vocabulary: SwitchVocabulary, key: string, armel: boolean): string | undefined {
  switch (vocabulary) {
    case 'platform':
      return key;
    case 'dpkg':
      return key === 'linux/arm/v6' && !armel ? undefined : nameIn('dpkg', key);
    case 'rpm':
      return undefined;
    default:
      return nameIn(vocabulary, key);
  }
}

/** What stands between two branches: a space, or a continuation and its indentation. */
function separatorBefore(dockerfile: Dockerfile, { script }: ArchSwitch, insertAt: number): string {
  const { text } = script.logical;
  const end = text.lastIndexOf(';;', insertAt) + 2;
  if (end < 2) return ' ';
  const from = sourceOffset(script.logical, end - 1) + 1;
  const source = dockerfile.text.slice(from, sourceOffset(script.logical, insertAt));
  return /^[\s\\]+$/.test(source) ? source : ' ';
}
