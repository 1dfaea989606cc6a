import type { Platform } from '@mabuild/oci';
import type { Range } from '../dockerfile/model.ts';
import type { Finding } from '../rules/rule.ts';
import { type ArmWord, armWord, lockFinding } from './lock-finding.ts';

/** A package of a lock file of npm, pnpm or yarn. */
export interface NodePackage {
  readonly name: string;
  readonly version: string;
  /** What `cpu` and `os` of its package.json say; empty: all. */
  readonly cpu: readonly string[];
  readonly os: readonly string[];
  readonly optional: boolean;
  /** Names of what it would like to have. */
  readonly wishes: readonly string[];
  readonly range: Range;
}

/** Finds packages that refuse ARM, and those whose native part comes as one optional package for each platform. */
export function nodeFindings(
  packages: readonly NodePackage[],
  platforms: readonly Platform[],
): readonly Finding[] {
  const byName = new Map<string, NodePackage[]>();
  for (const item of packages) {
    const same = byName.get(item.name);
    if (same) same.push(item);
    else byName.set(item.name, [item]);
  }
  const wished = new Set(packages.flatMap(({ wishes }) => wishes));
  const groups = groupByWord(platforms);
  const findings = packages.flatMap((item) => [
    ...(item.optional || wished.has(item.name) ? [] : refusals(item, groups)),
    ...missingParts(item, byName, groups),
  ]);
  return findings.sort((a, b) => a.range.start - b.range.start);
}

type Groups = ReadonlyMap<ArmWord, readonly Platform[]>;

function groupByWord(platforms: readonly Platform[]): Groups {
  const groups = new Map<ArmWord, Platform[]>();
  for (const platform of platforms) {
    const word = armWord(platform);
    if (word) groups.set(word, [...(groups.get(word) ?? []), platform]);
  }
  return groups;
}

/** npm's rule for `os` and `cpu`: any of those named, none of those with `!`. */
function accepts(list: readonly string[], word: string): boolean {
  if (list.length === 0 || list.includes('any')) return true;
  if (list.includes(`!${word}`)) return false;
  const named = list.filter((item) => !item.startsWith('!'));
  return named.length === 0 || named.includes(word);
}

function refusals(item: NodePackage, groups: Groups): readonly Finding[] {
  if (item.cpu.length === 0 || !accepts(item.cpu, 'x64') || !accepts(item.os, 'linux')) return [];
  const refused = [...groups].filter(([word]) => !accepts(item.cpu, word)).flatMap(([, list]) => list);
  if (refused.length === 0) return [];
  return [
    lockFinding(
      'locked-package-lacks-platform',
      'error',
      refused,
      item.range,
      (names) =>
        `${item.name} ${item.version} does not install on ${names}: its cpu is ${item.cpu.join(', ')}`,
      'make it an optional dependency, or take a version that has the platform',
    ),
  ];
}

const inName: Readonly<Record<ArmWord, RegExp>> = {
  arm64: /arm64|aarch64/,
  arm: /(?:^|[-_/])arm(?:hf|v[67]\w*|32\w*|-?(?:gnu|musl)eabi(?:hf)?)?(?:$|[-_])/,
};

/** Of a package whose parts for linux on x64 are locked: what is not there for ARM. */
function missingParts(
  item: NodePackage,
  byName: ReadonlyMap<string, readonly NodePackage[]>,
  groups: Groups,
): readonly Finding[] {
  if (item.wishes.length === 0) return [];
  const locked = item.wishes.flatMap((name) => byName.get(name) ?? []);
  const onLinux = locked.filter(({ os, cpu }) => cpu.length > 0 && accepts(os, 'linux'));
  if (!onLinux.some(({ cpu }) => accepts(cpu, 'x64'))) return [];
  return [...groups].flatMap(([word, platforms]): readonly Finding[] => {
    if (onLinux.some(({ cpu }) => accepts(cpu, word))) return [];
    const there = item.wishes.find(
      (name) => inName[word].test(name) && /linux/.test(name) && !byName.has(name),
    );
    const called = `${item.name} ${item.version}`;
    if (there) {
      return [
        lockFinding(
          'lockfile-lacks-platform',
          'error',
          platforms,
          item.range,
          (names) => `${called} has ${there} for ${names}, and the lock file leaves it out`,
          'delete node_modules and the lock file and install again: npm locks only what it installed when node_modules is there',
        ),
      ];
    }
    const portable = locked.some(({ cpu }) => cpu.includes('wasm32'));
    return [
      lockFinding(
        'locked-package-lacks-platform',
        portable ? 'info' : 'warning',
        platforms,
        item.range,
        (names) => `${called} has no native part for ${names}`,
        portable
          ? 'its WebAssembly part is taken there, which is slower'
          : 'use another package or version there, unless it can do without',
      ),
    ];
  });
}
