/** What Go's `unicode.IsSpace` calls a space: unlike JavaScript's `\s` with U+0085 and without U+FEFF. */
const single = /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;

/** What separates the words of most instructions: Unicode spaces do not. */
export const separator: RegExp = /[\t\v\f\r ]+/;

export function isSpace(character: string): boolean {
  const code = character.charCodeAt(0);
  // Nearly all of a file is ASCII, and every character of it is asked about.
  return code < 128 ? code === 32 || (code >= 9 && code <= 13) : single.test(character);
}

/** How many spaces a text starts with, in UTF-16 code units. */
export function leadingSpace(text: string): number {
  let at = 0;
  while (at < text.length && isSpace(text[at] as string)) at += 1;
  return at;
}

/** Where the text before the trailing spaces ends; not before `from`. */
export function trimmedEnd(text: string, from: number): number {
  let end = text.length;
  while (end > from && isSpace(text[end - 1] as string)) end -= 1;
  return end;
}

/** Where the text before a run of the given characters at its end ends. */
export function endBefore(text: string, characters: string): number {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1] as string)) end -= 1;
  return end;
}
