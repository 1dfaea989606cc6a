import type { Platform } from '@mabuild/oci';
import type { Dockerfile, Range, TextEdit } from '../dockerfile/model.ts';
import { dropWords } from './drop-words.ts';
import { platformKey, type Site, type Variation } from './variation.ts';

/**
 * Edits that make a file say what one platform needs; where nothing is known for it, the text stays.
 *
 * An empty text drops its word.
 */
export function perArchEdits(
  dockerfile: Dockerfile,
  variations: readonly Variation[],
  platform: Platform,
): readonly TextEdit[] {
  const key = platformKey(platform);
  return literalEdits(dockerfile, variations, (variation) =>
    Object.hasOwn(variation.texts, key) ? variation.texts[key] : undefined,
  );
}

/** Edits that put a text of its own into each span; `undefined` leaves it as it is. */
export function literalEdits(
  dockerfile: Dockerfile,
  variations: readonly Variation[],
  textOf: (variation: Variation) => string | undefined,
): readonly TextEdit[] {
  const dropped: Range[] = [];
  const edits: TextEdit[] = [];
  for (const variation of distinctSites(variations)) {
    const text = textOf(variation);
    if (text === undefined || text === variation.text) continue;
    const { site } = variation;
    if (text === '' && site.quoting !== 'json') dropped.push(...site.pieces);
    else edits.push(...replaceSite(site, text));
  }
  return dropped.length === 0 ? edits : [...edits, ...dropWords(dockerfile.text, dropped, dockerfile.escape)];
}

/** What stood in several pieces stands in the last: an instruction must not end with a line that holds nothing. */
export function replaceSite({ pieces }: Pick<Site, 'pieces'>, text: string): readonly TextEdit[] {
  return pieces.map((piece, index) => ({ ...piece, newText: index === pieces.length - 1 ? text : '' }));
}

/** The first variation of each place of the file. */
export function distinctSites(variations: readonly Variation[]): readonly Variation[] {
  if (variations.length < 2) return variations;
  const seen = new Set<string>();
  return variations.filter(({ site }) => {
    const key = `${site.pieces[0]?.start}:${site.pieces.at(-1)?.end}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
