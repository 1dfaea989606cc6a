import { unifiedDiff } from '@mabuild/core';

/** A line of one version of a file. */
export interface DiffLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Lines that both versions have, or lines of the one in the place of lines of the other. */
export interface DiffBlock {
  readonly same: boolean;
  readonly before: readonly DiffLine[];
  readonly after: readonly DiffLine[];
}

/** Two versions of a text as blocks, in order, which together hold every line of both. */
export function diffBlocks(before: string, after: string): readonly DiffBlock[] {
  const blocks: { same: boolean; before: DiffLine[]; after: DiffLine[] }[] = [];
  const next = { before: 1, after: 1 };
  const add = (sign: string, text: string): void => {
    const same = sign === ' ';
    let block = blocks.at(-1);
    if (!block || block.same !== same) {
      block = { same, before: [], after: [] };
      blocks.push(block);
    }
    if (sign !== '+') block.before.push({ number: next.before++, text });
    if (sign !== '-') block.after.push({ number: next.after++, text });
  };
  for (const line of wholeDiff(before, after)) add(line.charAt(0), line.slice(1).replace(/\r$/, ''));
  return blocks;
}

/** Every line with the sign of a unified diff before it. */
function wholeDiff(before: string, after: string): readonly string[] {
  if (before === after) {
    const lines = before.split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines.map((line) => ` ${line}`);
  }
  const context = before.length + after.length;
  const lines = unifiedDiff(before, after, { from: 'a', to: 'b' }, { context }).split('\n');
  lines.pop();
  return lines.slice(3).filter((line) => !line.startsWith('\\'));
}
