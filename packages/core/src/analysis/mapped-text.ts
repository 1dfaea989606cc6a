import { sliceLogical } from '../dockerfile/logical.ts';
import type { Instruction, LogicalText, Range, Stage } from '../dockerfile/model.ts';
import type { Quoting, Site } from '../fixes/variation.ts';

/** Where a piece of expanded text is written. */
export interface Source {
  readonly stage: Stage | undefined;
  readonly instruction: Instruction;
  /** The text it is a part of, and from which of its characters on. */
  readonly logical: LogicalText;
  readonly from: number;
  readonly quoting: Quoting;
  readonly shell: boolean;
}

/** A span of an expanded text that comes from one place, or from none that could be edited. */
export interface Leaf {
  readonly start: number;
  readonly end: number;
  readonly source?: Source | undefined;
  /** The variable reference through which the text came into the word, outermost first. */
  readonly through?: { readonly start: number; readonly end: number; readonly source: Source } | undefined;
}

/**
 * A word as it will be read, with the way back to the file: constants expanded; a variable that only a build knows
 * stands as `${NAME}`, a command substitution as it is written.
 */
export interface MappedText {
  readonly text: string;
  readonly leaves: readonly Leaf[];
  /** A part depends on the architecture already: TARGETARCH, `uname -m`, a `case` of the file's own. */
  readonly switched: boolean;
}

export const noText: MappedText = { text: '', leaves: [], switched: false };

/** From a site's first byte in the file to its last. */
export function rangeOfSite(site: Site | undefined): Range | undefined {
  const first = site?.pieces[0];
  const last = site?.pieces.at(-1);
  return first && last ? { start: first.start, end: last.end } : undefined;
}

/** The one place where a span is written; `undefined` when it is made of several or comes from outside. */
export function siteAt(mapped: MappedText, start: number, end: number): Site | undefined {
  const touched = mapped.leaves.filter((leaf) =>
    start === end ? leaf.start <= start && start <= leaf.end : leaf.start < end && start < leaf.end,
  );
  const [first, ...rest] = start === end ? touched.slice(0, 1) : touched;
  if (!first?.source) return undefined;
  let reached = first;
  for (const leaf of rest) {
    const continues =
      leaf.source?.logical === first.source.logical &&
      leaf.source.quoting === first.source.quoting &&
      reached.source !== undefined &&
      leaf.source.from === reached.source.from + (reached.end - reached.start) &&
      leaf.start === reached.end;
    if (!continues) return undefined;
    reached = leaf;
  }
  const from = first.source.from + start - first.start;
  return toSite(first.source, from, from + end - start);
}

/** The reference, e.g. `${ARCH}`, that makes exactly this span; for a text that must differ from use to use. */
export function referenceAt(mapped: MappedText, start: number, end: number): Site | undefined {
  const leaf = mapped.leaves.find(
    ({ through }) => through !== undefined && through.start === start && through.end === end,
  );
  const through = leaf?.through;
  if (!through) return undefined;
  return toSite(through.source, through.source.from, through.source.from + lengthOf(through.source));
}

/** Sources of references hold the reference alone. */
function lengthOf(source: Source): number {
  return source.logical.text.length - source.from;
}

function toSite(source: Source, from: number, to: number): Site {
  const { stage, instruction, quoting, shell } = source;
  return { stage, instruction, pieces: sliceLogical(source.logical, from, to).pieces, quoting, shell };
}

/** Joins texts in order. */
export function joinMapped(parts: readonly MappedText[]): MappedText {
  if (parts.length === 1 && parts[0]) return parts[0];
  let text = '';
  const leaves: Leaf[] = [];
  let switched = false;
  for (const part of parts) {
    for (const leaf of part.leaves) leaves.push(shifted(leaf, text.length));
    text += part.text;
    switched ||= part.switched;
  }
  return { text, leaves, switched };
}

/** A part of a text. */
export function sliceMapped(mapped: MappedText, start: number, end: number): MappedText {
  const leaves = mapped.leaves.flatMap((leaf): readonly Leaf[] => {
    const from = Math.max(leaf.start, start);
    const to = Math.min(leaf.end, end);
    if (from >= to) return [];
    const source = leaf.source && { ...leaf.source, from: leaf.source.from + from - leaf.start };
    return [{ start: from - start, end: to - start, source, through: undefined }];
  });
  return { text: mapped.text.slice(start, end), leaves, switched: mapped.switched };
}

/** The same text as it comes in through a reference. */
export function throughReference(mapped: MappedText, source: Source): MappedText {
  const through = { start: 0, end: mapped.text.length, source };
  return { ...mapped, leaves: mapped.leaves.map((leaf) => ({ ...leaf, through })) };
}

function shifted(leaf: Leaf, by: number): Leaf {
  if (by === 0) return leaf;
  const through = leaf.through && {
    ...leaf.through,
    start: leaf.through.start + by,
    end: leaf.through.end + by,
  };
  return { start: leaf.start + by, end: leaf.end + by, source: leaf.source, through };
}
