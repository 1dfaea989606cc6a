import { compareVersions } from './compare-versions.ts';

/** Versions that name the newest there is. */
export const newestVersions: ReadonlySet<string> = new Set([
  'latest',
  'stable',
  'current',
  'edge',
  'nightly',
  'master',
  'main',
]);

/** The numbers of a version, without a prefix such as `v` or `jq-`; `undefined` when it has none or a variable. */
export function versionNumbers(version: string): readonly number[] | undefined {
  if (newestVersions.has(version)) return [Number.POSITIVE_INFINITY];
  if (version.includes('$')) return undefined;
  const digits = /\d+(?:[.\-_]\d+)*/.exec(version)?.[0];
  return digits?.split(/[.\-_]/).map(Number);
}

/** Tells whether a version lies in a range such as `>=1.2 <24`: every comparison must hold. */
export function inRange(version: readonly number[], range: string): boolean {
  return range.split(' ').every((comparison) => {
    const [, operator, bound = ''] = /^([<>]=?|=)(.+)$/.exec(comparison) ?? [];
    const order = compareVersions(version, versionNumbers(bound) ?? []);
    if (operator === '<') return order < 0;
    if (operator === '<=') return order <= 0;
    if (operator === '>') return order > 0;
    if (operator === '>=') return order >= 0;
    return order === 0;
  });
}
