/** Every instruction; the first of two equally close ones is suggested. */
const keywords: readonly string[] =
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  );

/** The keyword that is written with at most two slips, the closest first. */
export function nearestKeyword(word: string): string | undefined {
  return nearestName(word, keywords);
}

/** The name that is the fewest slips away, for "did you mean"; the first of two equally close ones. */
export function nearestName(
  word: string,
  names: readonly string[],
  /** @default 2 */
  mostSlips = 2,
): string | undefined {
  let best: string | undefined;
  let least = mostSlips + 1;
  for (const name of names) {
    const distance = slips(word, name);
    if (distance < least) {
      best = name;
      least = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
function slips(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const above = rows[i - 1] as number[];
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
