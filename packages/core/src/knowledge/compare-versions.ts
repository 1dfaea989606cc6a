/**
 * Negative, zero or positive as the first version is older than, the same as or newer than the second.
 *
 * @param absent what a number that one of them lacks counts as: with -1, 1 is older than 1.0
 */
export function compareVersions(a: readonly number[], b: readonly number[], absent = 0): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const [left = absent, right = absent] = [a[index], b[index]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
