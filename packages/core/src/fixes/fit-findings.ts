import type { Range, TextEdit } from '../dockerfile/model.ts';
import type { Finding } from '../rules/rule.ts';
import type { PortableFix } from './portable.ts';
import type { Site, Variation } from './variation.ts';

/** As many findings as fit together, first come, first served; the others get their turn next round. */
export function compatible(findings: readonly Finding[]): readonly Finding[] {
  const taken: TextEdit[] = [];
  return findings.filter((finding) => {
    const edits = [...finding.edits, ...(finding.variations ?? []).flatMap(asEdits)];
    const clashes = edits.some((edit) =>
      taken.some((other) => edit.start <= other.end && other.start <= edit.end && !sameEdit(edit, other)),
    );
    if (!clashes) taken.push(...edits);
    return !clashes;
  });
}

/**
 * The edits of as many findings as can be written together: what is made of variations reaches beyond their spans.
 *
 * Edits that are the same in every style come first, the variations beside them in the next round.
 */
export function fitting(
  findings: readonly Finding[],
  write: (variations: readonly Variation[]) => PortableFix,
): readonly TextEdit[] {
  let left = findings;
  for (;;) {
    const { edits, refused } = write(left.flatMap((finding) => finding.variations ?? []));
    const cannot = new Set(refused.map(({ variation }) => variation));
    const clashing = left.filter((finding) =>
      finding.edits.some((edit) => edits.some((other) => overlap(edit, other))),
    );
    // Names and numbers of new stages are chosen by what the file has.
    const isTwice = edits.some(addsStage) && left.some((finding) => finding.edits.some(addsStage));
    const later = isTwice
      ? new Set(left.filter(({ variations }) => variations?.length))
      : beside(left, clashing);
    const rest = left.filter(
      (finding) => !later.has(finding) && !finding.variations?.some((item) => cannot.has(item)),
    );
    if (rest.length === left.length) return [...left.flatMap((finding) => finding.edits), ...edits];
    left = rest;
  }
}

/** The spans of a variation; the same one may be a part of two fixes. */
function asEdits({ site, texts }: Variation): readonly TextEdit[] {
  return site.pieces.map((piece) => ({ ...piece, newText: JSON.stringify(texts) }));
}

function sameEdit(a: TextEdit, b: TextEdit): boolean {
  return a.start === b.start && a.end === b.end && a.newText === b.newText;
}

/** The findings that leave the place to edits that clash with theirs: those of the instruction, else of the stage. */
function beside(findings: readonly Finding[], clashing: readonly Finding[]): ReadonlySet<Finding> {
  const edits = clashing.flatMap((finding) => finding.edits);
  const inRange = ({ start, end }: Range): boolean =>
    edits.some((edit) => edit.start <= end && start <= edit.end);
  const inPlace = (rangeOf: (site: Site) => Range): readonly Finding[] =>
    findings.filter((finding) => finding.variations?.some(({ site }) => inRange(rangeOf(site))));
  const own = inPlace(({ instruction }) => instruction.range);
  if (own.length > 0 || clashing.length === 0) return new Set(own);
  const inStage = inPlace(({ stage, instruction }) => ({
    start: stage?.from.range.start ?? instruction.range.start,
    end: stage?.instructions.at(-1)?.range.end ?? instruction.range.end,
  }));
  return new Set(inStage.length > 0 ? inStage : clashing);
}

function addsStage({ newText }: TextEdit): boolean {
  return /^[\t ]*from[\t ]/im.test(newText);
}

function overlap(a: TextEdit, b: TextEdit): boolean {
  return !sameEdit(a, b) && a.start < b.end && b.start < a.end;
}
