/** Lines of one text that another replaced; both ends exclusive, lines from 0. */
export interface Hunk {
  readonly start: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

/** What changed between two texts, by lines, as a longest common subsequence has it. */
export function lineHunks(before: string, after: string): readonly Hunk[] {
  const a = before.split(/\r?\n/);
  const b = after.split(/\r?\n/);
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const here = i * width + j;
      common[here] =
        a[i] === b[j]
          ? (common[here + width + 1] ?? 0) + 1
          : Math.max(common[here + width] ?? 0, common[here + 1] ?? 0);
    }
  }
  const hunks: Hunk[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i += 1;
      j += 1;
      continue;
    }
    const start = i;
    const from = j;
    while ((i < a.length || j < b.length) && !(i < a.length && j < b.length && a[i] === b[j])) {
      const here = i * width + j;
      if (j >= b.length || (i < a.length && (common[here + width] ?? 0) >= (common[here + 1] ?? 0))) i += 1;
      else j += 1;
    }
    hunks.push({ start, removed: a.slice(start, i), added: b.slice(from, j) });
  }
  return hunks;
}
