import type { Platform } from '@mabuild/oci';
import { type ArchPlace, siteKey } from '../analysis/arch-places.ts';
import { type CodeWord, rangeOfWord, readCode } from '../analysis/code-words.ts';
import { type MappedText, rangeOfSite, siteAt } from '../analysis/mapped-text.ts';
import { knownPlaces } from '../analysis/online-places.ts';
import type { Dockerfile, Range } from '../dockerfile/model.ts';
import { platformKey, type Variation } from '../fixes/variation.ts';
import { armOnly } from '../knowledge/x86-platform.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { RuleContext } from './rule.ts';

/** The asked platforms that are not x86. */
export function armPlatforms(context: RuleContext): readonly Platform[] {
  return armOnly(context.platforms);
}

/** A span of an expanded word that must differ between platforms; `undefined` when it is not written in one place. */
export function variationAt(
  mapped: MappedText,
  span: { readonly start: number; readonly end: number },
  name: string,
  texts: Readonly<Record<string, string>>,
): Variation | undefined {
  const site = siteAt(mapped, span.start, span.end);
  return site && { site, text: mapped.text.slice(span.start, span.end), texts, name };
}

/** Where a span of a word stands in the file: its own place, or the word's when it comes from elsewhere. */
export function spanRange(word: CodeWord, span: { readonly start: number; readonly end: number }): Range {
  return rangeOfSite(siteAt(word.mapped, span.start, span.end)) ?? rangeOfWord(word);
}

/** The platforms that a variation knows a text for, and those that it does not. */
export function knownPlatforms(
  platforms: readonly Platform[],
  texts: Readonly<Record<string, string>>,
): { readonly known: readonly Platform[]; readonly unknown: readonly Platform[] } {
  const isKnown = (platform: Platform): boolean => Object.hasOwn(texts, platformKey(platform));
  return {
    known: platforms.filter(isKnown),
    unknown: platforms.filter((platform) => !isKnown(platform)),
  };
}

/** The places of a Dockerfile that downloads make depend on the platform. */
export async function placesFor(dockerfile: Dockerfile, context: RuleContext): Promise<readonly ArchPlace[]> {
  // Without an address nothing is downloaded.
  if (!mentions(dockerfile, context, wordsOf.address)) return [];
  const keys = armPlatforms(context).map((platform) => platformKey(platform));
  return knownPlaces(readCode(dockerfile, context), keys, context.downloads);
}

/** The keys of the sites that these places stand at: what another rule tells of. */
export function siteKeys(places: readonly ArchPlace[]): Set<string> {
  return new Set(places.flatMap(({ site }) => (site ? [siteKey(site)] : [])));
}

/** It is for some architectures only, for the build's host, or for people: nothing that must differ on ARM. */
export function isLeftAlone({ guarded, buildPlatform, role }: CodeWord): boolean {
  return guarded || buildPlatform || role === 'label';
}

/** A command shows the word to people, and writes it nowhere. */
export function isShown({ command }: CodeWord): boolean {
  return (command?.name === 'echo' || command?.name === 'printf') && command.redirects.length === 0;
}
