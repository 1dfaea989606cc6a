import type { AddedFile } from '../context/context.ts';
import { applyEdits } from '../dockerfile/edit.ts';
import type { Dockerfile, TextEdit } from '../dockerfile/model.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';

/** What a transform changes. */
export interface Change {
  readonly edits: readonly TextEdit[];
  readonly addedFiles?: readonly AddedFile[] | undefined;
}

/** A Dockerfile on its way to an engine. */
export interface Draft {
  readonly dockerfile: Dockerfile;
  readonly addedFiles: readonly AddedFile[];
  /** For each line of the text, from 1, the user's line; element 0 is unused. */
  readonly lines: readonly number[];
}

export function newDraft(dockerfile: Dockerfile): Draft {
  const count = dockerfile.text.split('\n').length;
  return { dockerfile, addedFiles: [], lines: Array.from({ length: count + 1 }, (_, index) => index) };
}

/** Applies a transform's change and keeps track of where the user's lines went. */
export function revise(draft: Draft, change: Change): Draft {
  const addedFiles = [...draft.addedFiles, ...(change.addedFiles ?? [])];
  if (change.edits.length === 0) return { ...draft, addedFiles };
  const { text, file } = draft.dockerfile;
  return {
    dockerfile: parseDockerfile(applyEdits(text, change.edits), { file }),
    addedFiles,
    lines: moveLines(text, change.edits, draft.lines),
  };
}

function moveLines(text: string, edits: readonly TextEdit[], lines: readonly number[]): readonly number[] {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  const moved = [0, lines[1] ?? 1];
  let at = 0;
  let line = 1;
  const keep = (end: number): void => {
    for (let next = text.indexOf('\n', at); next >= 0 && next < end; next = text.indexOf('\n', next + 1)) {
      line += 1;
      moved.push(lines[line] ?? line);
    }
    at = end;
  };
  for (const { start, end, newText } of sorted) {
    if (start < at) continue;
    keep(start);
    for (const _ of newText.matchAll(/\n/g)) moved.push(lines[line] ?? line);
    line += [...text.slice(start, end).matchAll(/\n/g)].length;
    at = end;
  }
  keep(text.length);
  return moved;
}
