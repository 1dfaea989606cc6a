import type { Platform } from '@mabuild/oci';
import type { Dockerfile, TextEdit } from '../dockerfile/model.ts';
import { platformKey, type Variation } from './variation.ts';

/** Edits that write one platform's texts into a file of its own; what is not known for it stays as it is. */
export function perArchEdits(
  dockerfile: Dockerfile,
  variations: readonly Variation[],
  platform: Platform,
): readonly TextEdit[] {
  const key = platformKey(platform);
  return variations.flatMap((variation) => {
    const text = variation.texts[key];
    return text === undefined ? [] : replaceSite(dockerfile, variation, text);
  });
}

/** Edits that write another text into a site; an empty one takes the blanks in front of it along. */
export function replaceSite(
  dockerfile: Dockerfile,
  { site, text: before }: Variation,
  text: string,
): readonly TextEdit[] {
  if (text === '' && before !== '') return site.pieces.map((piece) => droppedWord(dockerfile.text, piece));
  return site.pieces.map((piece, index) => ({ ...piece, newText: index === 0 ? text : '' }));
}

/** A word goes with its blanks; a line that held nothing else goes too. */
function droppedWord(text: string, piece: { readonly start: number; readonly end: number }): TextEdit {
  let { start } = piece;
  while (start > 0 && (text[start - 1] === ' ' || text[start - 1] === '\t')) start -= 1;
  const whole = start === piece.start ? false : start === 0 || text[start - 1] === '\n';
  const rest = /^[ \t]*[\\`][ \t]*\r?\n/.exec(text.slice(piece.end, piece.end + 200));
  if (whole && rest) return { start, end: piece.end + rest[0].length, newText: '' };
  // Inside a word there is nothing to take along.
  const alone = start < piece.start && /^(?:\s|$)/.test(text.slice(piece.end, piece.end + 1));
  return { start: alone && !whole ? start : piece.start, end: piece.end, newText: '' };
}
