import { createTwoFilesPatch } from 'diff';

/** What `diff -u` and `git diff` call two versions of a file. */
export interface DiffNames {
  readonly from: string;
  readonly to: string;
}

/** A unified diff; empty when nothing differs. */
export function unifiedDiff(
  before: string,
  after: string,
  names: DiffNames,
  options: {
    /** Unchanged lines around a change. @default 3 */
    readonly context?: number;
  } = {},
): string {
  if (before === after) return '';
  const patch = createTwoFilesPatch(names.from, names.to, before, after, undefined, undefined, {
    context: options.context ?? 3,
  });
  // The library writes an `Index:` above names that are the same, and a tab after them.
  return `--- ${names.from}\n+++ ${names.to}\n${patch.slice(patch.indexOf('\n@@') + 1)}`;
}
