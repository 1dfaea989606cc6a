import type { CodeWord } from './code-word.ts';

const x86 = /(?<![a-z])(?:amd64|x86_64|x64|x86)(?![a-z0-9])/i;
const arm = /(?<![a-z])(?:arm64(?:v8)?|aarch64|arm32(?:v[567])?|armhf|armel|armv[5678]\w*?|arm)(?![a-z0-9])/i;
const linux = /(?<![a-z])linux(?![a-z0-9])/i;
const otherSystem = /(?<![a-z])(?:darwin|macos|osx|windows|win)(?![a-z0-9])/i;

/** An assignment of a script whose name may be that of such a row: all others are left unread. */
export const otherRow: RegExp = /(?:arm|aarch|darwin|macos|osx|win)\w*=/i;

/** The names of tables' rows for ARM and other systems, without the word that tells the rows apart. */
export function tableStems(names: readonly string[]): ReadonlySet<string> {
  return new Set(
    names.flatMap((name) => [stemOf(name, arm), stemOf(name, otherSystem)].flatMap((stem) => stem ?? [])),
  );
}

/**
 * Marks the values of tables: one variable for each architecture, `TINI_URL_amd64` beside `TINI_URL_arm64`, or for each
 * system, `CLI_URL_LINUX` beside `CLI_URL_DARWIN`. Such a value names x86 on purpose.
 */
export function guardTables(words: readonly CodeWord[], stems: ReadonlySet<string>): readonly CodeWord[] {
  if (stems.size === 0) return words;
  return words.map((word) => {
    if (word.guarded || word.name === undefined) return word;
    const own = [stemOf(word.name, x86), stemOf(word.name, linux)];
    return own.some((stem) => stem !== undefined && stems.has(stem)) ? { ...word, guarded: true } : word;
  });
}

/** A name without the word that tells the rows of its table apart. */
function stemOf(name: string, row: RegExp): string | undefined {
  return row.test(name) ? name.replace(row, '*') : undefined;
}
