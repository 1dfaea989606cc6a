import { Attached } from '../attached.ts';
import type { LogicalText, Range } from './model.ts';

const noSpans: readonly Range[] = [];

/** The source offset of one character of a logical text; its length stands for the end. */
export function sourceOffset(logical: LogicalText, index: number): number {
  const { pieces } = logical;
  const { first, passed: before } = pieceAt(pieces, index);
  let passed = before;
  for (let at = first; at < pieces.length; at += 1) {
    const piece = pieces[at] as Range;
    const length = piece.end - piece.start;
    if (index < passed + length) return piece.start + index - passed;
    passed += length;
  }
  return pieces.at(-1)?.end ?? 0;
}

/** Lengths of the pieces of long texts, summed up: a script of thousands of lines is asked thousands of times. */
const sums = new Attached<readonly Range[], readonly number[]>();
const few = 32;
const outset = { first: 0, passed: 0 };

/** The piece that a place is in, or one before it, and how many characters come before that piece. */
function pieceAt(
  pieces: readonly Range[],
  index: number,
): { readonly first: number; readonly passed: number } {
  if (pieces.length <= few) return outset;
  const ends = sums.get(pieces) ?? addUp(pieces);
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as number) > index) high = middle;
    else low = middle + 1;
  }
  return { first: low, passed: low === 0 ? 0 : (ends[low - 1] as number) };
}

function addUp(pieces: readonly Range[]): readonly number[] {
  let sum = 0;
  const ends = pieces.map(({ start, end }) => {
    sum += end - start;
    return sum;
  });
  sums.set(pieces, ends);
  return ends;
}

/** From the first to the last source character of a span, whatever lies between the pieces included. */
export function sourceRange(logical: LogicalText, start: number, end: number): Range {
  const from = sourceOffset(logical, start);
  return { start: from, end: end > start ? sourceOffset(logical, end - 1) + 1 : from };
}

/** The source spans whose concatenation is `logical.text.slice(start, end)`. */
export function sourcePieces(logical: LogicalText, start: number, end: number): readonly Range[] {
  if (end <= start) return noSpans;
  const spans: Range[] = [];
  const { pieces } = logical;
  const { first, passed: before } = pieceAt(pieces, start);
  let passed = before;
  for (let at = first; at < pieces.length; at += 1) {
    const piece = pieces[at] as Range;
    const length = piece.end - piece.start;
    const from = Math.max(start - passed, 0);
    const to = Math.min(end - passed, length);
    if (from < to) spans.push({ start: piece.start + from, end: piece.start + to });
    passed += length;
    if (passed >= end) break;
  }
  return spans;
}

/** A part of a logical text that knows its own way back to the source. */
export function sliceLogical(logical: LogicalText, start: number, end: number): LogicalText {
  const pieces = sourcePieces(logical, start, end);
  if (pieces.length > 0) return { text: logical.text.slice(start, end), pieces };
  const at = sourceOffset(logical, start);
  return { text: '', pieces: [{ start: at, end: at }] };
}
