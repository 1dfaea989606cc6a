import type { Heredoc } from './model.ts';
import { expandWords } from './words.ts';

/** A heredoc as its instruction announces it. */
export type HeredocMark = Pick<Heredoc, 'name' | 'expand' | 'chomp' | 'fd'>;

const mark = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/;
const nothing: ReadonlyMap<string, string> = new Map();
const quotes = /['"]/g;

/**
 * Reads one word such as `<<EOF`, `3<<-'EOF'`; `undefined` when it is no heredoc.
 *
 * @throws MabuildError `DOCKERFILE_EXPANSION` for unbalanced quotes.
 */
export function readHeredocMark(word: string): HeredocMark | undefined {
  const match = mark.exec(word);
  const rest = match?.[3];
  if (match === null || !rest) return undefined;
  const names = expandWords(rest, nothing, { keepUnset: true });
  const name = names[0];
  if (names.length !== 1 || name === undefined) return undefined;
  const quoted = expandWords(rest, nothing, { keepUnset: true, rawQuotes: true })[0] ?? '';
  return {
    name,
    expand: count(name) === count(quoted),
    chomp: match[2] === '-',
    fd: Number(match[1] || 0),
  };
}

/** The heredocs that a logical line announces; the escape character is always a backslash here. */
export function readHeredocMarks(line: string): readonly HeredocMark[] {
  if (!line.includes('<<')) return [];
  return splitQuietly(line).flatMap((word) => readHeredocMark(word) ?? []);
}

/** BuildKit does not mind a line that it cannot split: it then holds no heredoc. */
function splitQuietly(line: string): readonly string[] {
  try {
    return expandWords(line, nothing, { rawQuotes: true, rawEscapes: true, keepUnset: true });
  } catch {
    return [];
  }
}

function count(text: string): number {
  return text.match(quotes)?.length ?? 0;
}
