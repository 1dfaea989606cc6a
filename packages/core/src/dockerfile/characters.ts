/** What Go's `unicode.IsSpace` calls a space: unlike JavaScript's `\s` with U+0085 and without U+FEFF. */
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const leading = new RegExp(`^[${space}]+`);
const trailing = new RegExp(`[${space}]+$`);
const single = new RegExp(`^[${space}]$`);

/** What separates the words of most instructions: Unicode spaces do not. */
export const separator: RegExp = /[\t\v\f\r ]+/;

export function isSpace(character: string): boolean {
  return single.test(character);
}

/** How many spaces a text starts with, in UTF-16 code units. */
export function leadingSpace(text: string): number {
  return leading.exec(text)?.[0].length ?? 0;
}

/** Where the text before the trailing spaces ends; not before `from`. */
export function trimmedEnd(text: string, from: number): number {
  return Math.max(from, text.length - (trailing.exec(text)?.[0].length ?? 0));
}
