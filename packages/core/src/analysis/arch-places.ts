import { Attached } from '../attached.ts';
import type { Instruction } from '../dockerfile/model.ts';
import type { Site, Variation } from '../fixes/variation.ts';
import { type CodeReading, type CodeWord, rangeOfWord } from './code-words.ts';
import { derivedNames } from './derived-names.ts';
import { checksumsOf } from './download-checksums.ts';
import { type Download, findDownloads } from './downloads.ts';
import { type MappedText, referenceAt, siteAt } from './mapped-text.ts';

/** A place in the file that names x86 because of a download. */
export interface ArchPlace {
  readonly kind: 'url' | 'derived' | 'checksum';
  readonly word: CodeWord;
  /** In the text of the word. */
  readonly start: number;
  readonly end: number;
  readonly download: Download;
  /** Where it is written; `undefined` when that is no one place. */
  readonly site: Site | undefined;
  /** What other platforms have there; empty when nobody knows. */
  readonly texts: Readonly<Record<string, string>>;
}

const readings = new Attached<CodeReading, readonly ArchPlace[]>();

/**
 * Every place that must differ between platforms because of what the file downloads, each written place once.
 *
 * A constant that two downloads need to read differently is left as it is, and its uses are the places.
 */
export function archPlaces(reading: CodeReading): readonly ArchPlace[] {
  const places = readings.get(reading) ?? placesOf(reading, findDownloads(reading));
  readings.set(reading, places);
  return places;
}

/** The same for downloads of which more is known than the tables say. */
export function placesOf(reading: CodeReading, downloads: readonly Download[]): readonly ArchPlace[] {
  const tied = downloads.filter(({ spans }) => spans.length > 0);
  return settle([
    ...tied.flatMap(urlPlaces),
    ...derivedNames(reading, tied).map((name) => place('derived', name)),
    ...checksumsOf(reading, downloads).map((sum) => place('checksum', sum)),
  ]);
}

/** A variation for a place that is written in one place. */
export function variationOf(place: ArchPlace, name: string): Variation | undefined {
  if (!place.site) return undefined;
  const text = place.word.mapped.text.slice(place.start, place.end);
  return { site: place.site, text, texts: place.texts, name };
}

function urlPlaces(download: Download): readonly ArchPlace[] {
  return download.spans.map((span) => place('url', { ...span, word: download.word, download }));
}

function place(kind: ArchPlace['kind'], found: Omit<ArchPlace, 'kind' | 'site'>): ArchPlace {
  return { kind, ...found, site: siteAt(found.word.mapped, found.start, found.end) };
}

/** One place per site; what is wanted twice and differently moves to the references. */
function settle(places: readonly ArchPlace[]): readonly ArchPlace[] {
  const bySite = new Map<string, ArchPlace[]>();
  const settled: ArchPlace[] = [];
  for (const item of places) {
    const key = item.site && siteKey(item.site);
    if (key === undefined) settled.push(item);
    else bySite.set(key, [...(bySite.get(key) ?? []), item]);
  }
  for (const items of bySite.values()) {
    const [first, ...others] = items as [ArchPlace, ...ArchPlace[]];
    if (others.every((other) => agree(first.texts, other.texts))) {
      const kind = items.some((item) => item.kind === 'url') ? 'url' : first.kind;
      settled.push({ ...preferred(items), kind, texts: common(items) });
    } else {
      settled.push(...dedupe(items.map((item) => atReference(item))));
    }
  }
  return settled.sort((a, b) => rangeOfWord(a.word).start - rangeOfWord(b.word).start || a.start - b.start);
}

/** The word that holds the text itself says best what it is. */
function preferred(items: readonly ArchPlace[]): ArchPlace {
  const own = items.find(
    ({ word, site }) => word.instruction === site?.instruction && !isThrough(word.mapped),
  );
  return own ?? (items[0] as ArchPlace);
}

function isThrough(mapped: MappedText): boolean {
  return mapped.leaves.some(({ through }) => through !== undefined);
}

function agree(a: ArchPlace['texts'], b: ArchPlace['texts']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function common(items: readonly ArchPlace[]): ArchPlace['texts'] {
  return items[0]?.texts ?? {};
}

function atReference(item: ArchPlace): ArchPlace {
  return { ...item, site: referenceAt(item.word.mapped, item.start, item.end) };
}

function dedupe(items: readonly ArchPlace[]): readonly ArchPlace[] {
  const seen = new Map<string, ArchPlace>();
  const alone: ArchPlace[] = [];
  for (const item of items) {
    const key = item.site && siteKey(item.site);
    if (key === undefined) alone.push(item);
    else if (!seen.has(key)) seen.set(key, item);
  }
  return [...alone, ...seen.values()];
}

/** Tells sites apart; two words that read one constant have one site. */
export function siteKey(site: Site): string {
  return `${site.pieces[0]?.start ?? -1}:${site.pieces.at(-1)?.end ?? -1}`;
}

/** The instructions that a place is written in. */
export function instructionOf(place: ArchPlace): Instruction {
  return place.site?.instruction ?? place.word.instruction;
}
