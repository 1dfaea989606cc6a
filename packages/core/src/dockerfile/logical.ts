import type { LogicalText, Range } from './model.ts';

const noSpans: readonly Range[] = [];

/** The source offset of one character of a logical text; its length stands for the end. */
export function sourceOffset(logical: LogicalText, index: number): number {
  let passed = 0;
  let end = 0;
  for (const piece of logical.pieces) {
    const length = piece.end - piece.start;
    if (index < passed + length) return piece.start + index - passed;
    passed += length;
    end = piece.end;
  }
  return end;
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
  let passed = 0;
  for (const piece of logical.pieces) {
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
