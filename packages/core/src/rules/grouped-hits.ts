import type { Dockerfile } from '../dockerfile/model.ts';
import type { Finding, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

/**
 * One finding for all places of a name that only hold together: a target that is built in one place and copied from its
 * folder in another. Where one of them cannot be written, none is.
 */
export function groupedFindings(
  rule: string,
  dockerfile: Dockerfile,
  context: RuleContext,
  hits: readonly WordHit[],
): readonly Finding[] {
  const groups = new Map<string, WordHit[]>();
  for (const hit of hits) {
    const text = hit.word.mapped.text.slice(hit.start, hit.end);
    groups.set(text, [...(groups.get(text) ?? []), hit]);
  }
  return [...groups.values()].flatMap((group): readonly Finding[] => {
    const found = [...findingsOf(rule, dockerfile, context, group)].sort(
      (a, b) => a.range.start - b.range.start,
    );
    const [first] = found;
    if (!first) return [];
    const unwritable = found.filter(({ fix }) => fix === 'none');
    if (unwritable.length > 0) return found.map((finding) => withoutFix(finding));
    const variations = found.flatMap((finding) => finding.variations ?? []);
    const places = variations.length > 1 ? ` (${variations.length} places)` : '';
    return [{ ...first, message: first.message + places, variations }];
  });
}

function withoutFix(finding: Finding): Finding {
  const { variations: _, ...rest } = finding;
  return { ...rest, fix: 'none' };
}
