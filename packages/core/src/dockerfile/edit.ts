import { MabuildError } from '@mabuild/oci';
import { locate } from './location.ts';
import { sourcePieces } from './logical.ts';
import type { LogicalText, Range, TextEdit } from './model.ts';

/**
 * Makes the edits; every other byte stays as it is.
 *
 * Insertions at one place keep their order; the same edit given twice is made once.
 * @throws MabuildError `EDIT_CONFLICT` when two edits overlap or one lies outside the text.
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const unique = new Map(edits.map((edit) => [`${edit.start} ${edit.end} ${edit.newText}`, edit]));
  const sorted = [...unique.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  let out = '';
  let at = 0;
  for (const edit of sorted) {
    if (edit.start < at || edit.end < edit.start || edit.end > text.length) throw conflict(text, edit);
    out += text.slice(at, edit.start) + edit.newText;
    at = edit.end;
  }
  return out + text.slice(at);
}

function conflict(text: string, edit: TextEdit): MabuildError {
  const { line, column } = locate({ text, file: undefined }, edit);
  return new MabuildError(`two edits of the Dockerfile overlap at line ${line}, column ${column}`, {
    code: 'EDIT_CONFLICT',
    hint: 'apply one of them, parse the result and ask again',
  });
}

/** Replaces a span of a logical text; continuations and comments inside it stay in the file. */
export function editLogical(
  logical: LogicalText,
  start: number,
  end: number,
  newText: string,
): readonly TextEdit[] {
  return replacePieces(sourcePieces(logical, start, end), newText);
}

/** Writes a text where several pieces stand, into the last: a line that was left empty would swallow the next instruction. */
export function replacePieces(pieces: readonly Range[], newText: string): readonly TextEdit[] {
  return pieces.map((piece, index) => ({ ...piece, newText: index === pieces.length - 1 ? newText : '' }));
}
