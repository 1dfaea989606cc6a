import { createTwoFilesPatch } from 'diff';

/** What `diff -u` and `git diff` call two versions of a file. */
export interface DiffNames {
  readonly from: string;
  readonly to: string;
}

/** A unified diff with three lines of context; empty when nothing differs. */
export function unifiedDiff(before: string, after: string, names: DiffNames): string {
  if (before === after) return '';
  const patch = createTwoFilesPatch(names.from, names.to, before, after, undefined, undefined, {
    context: 3,
  });
  return patch.replace(/^=+\r?\n/, '').replace(/^(---|\+\+\+) (.*)\t$/gm, '$1 $2');
}
