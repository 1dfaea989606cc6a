import { archTokens } from '../knowledge/architecture-names.ts';
import type { CodeReading, CodeWord } from './code-words.ts';
import type { Download } from './downloads.ts';

/** A name that came out of a download: the file it was saved as, a folder of the archive. */
export interface DerivedName {
  readonly word: CodeWord;
  readonly start: number;
  readonly end: number;
  readonly download: Download;
  readonly texts: Readonly<Record<string, string>>;
}

/** A name with the places in it that carry the architecture. */
interface Pattern {
  readonly download: Download;
  readonly name: string;
  readonly spans: readonly {
    readonly start: number;
    readonly end: number;
    readonly texts: DerivedName['texts'];
  }[];
}

const archive =
  /(?:\.(?:tar|t?[gbx]z2?|tgz|tbz2|txz|zip|zst|deb|rpm|apk|sh|run|bin|exe|sha\d+(?:sums?)?|asc|sig|md5))+$/i;
/** What ends a name inside a word. */
const component = /[^\s/'"=:,;|&<>()*?[\]`]+/g;

/** Finds the names that carry the architecture because a download does, wherever the file uses them. */
export function derivedNames(reading: CodeReading, downloads: readonly Download[]): readonly DerivedName[] {
  const patterns = downloads.flatMap(patternsOf);
  if (patterns.length === 0) return [];
  const tokens = new Set(
    patterns.flatMap(({ name, spans }) => spans.map((span) => name.slice(span.start, span.end))),
  );
  const found: DerivedName[] = [];
  const namesOne = { test: (text: string) => [...tokens].some((token) => text.includes(token)) };
  for (const word of reading.wordsAbout(namesOne)) {
    if (word.guarded || word.role === 'label') continue;
    const { text } = word.mapped;
    if (!namesOne.test(text)) continue;
    const own = downloads.filter((download) => download.word === word);
    for (const match of text.matchAll(component)) {
      const inUrl = own.some(({ start, url }) => start <= match.index && match.index < start + url.length);
      if (!inUrl) found.push(...inComponent(word, match[0], match.index, patterns));
    }
  }
  return found;
}

function patternsOf(download: Download): readonly Pattern[] {
  const { url, start, spans, asset } = download;
  const path = url.replace(/[?#].*$/, '');
  const from = path.lastIndexOf('/') + 1;
  const name = path.slice(from);
  const inName = spans
    .map((span) => ({ start: span.start - start - from, end: span.end - start - from, texts: span.texts }))
    .filter((span) => span.start >= 0 && span.end <= name.length);
  const patterns: Pattern[] = inName.some((span) => span.end > span.start)
    ? [{ download, name, spans: inName }]
    : [];
  for (const inner of asset?.innerNames ?? []) {
    patterns.push({
      download,
      name: inner.text,
      spans: [{ start: 0, end: inner.text.length, texts: inner.texts }],
    });
  }
  return patterns;
}

function inComponent(
  word: CodeWord,
  name: string,
  at: number,
  patterns: readonly Pattern[],
): readonly DerivedName[] {
  const stem = name.replace(archive, '');
  const sameStage = patterns.filter(({ download }) => download.word.stage === word.stage);
  for (const group of [sameStage, patterns]) {
    for (const pattern of group) {
      const spans = align(stem, pattern);
      if (spans.length > 0) {
        return spans.map((span) => ({
          word,
          start: at + span.start,
          end: at + span.end,
          download: pattern.download,
          texts: span.texts,
        }));
      }
    }
  }
  return [];
}

/** The spans of a pattern inside a name, when one contains the other with the architecture in the same place. */
function align(stem: string, { name, spans }: Pattern): Pattern['spans'] {
  const base = name.replace(archive, '');
  const shift = base.includes(stem) ? -base.indexOf(stem) : stem.indexOf(base);
  const contained = shift <= 0 ? base.includes(stem) : stem.includes(base);
  if (!contained) return [];
  const moved = spans
    .map((span) => ({ ...span, start: span.start + shift, end: span.end + shift }))
    .filter((span) => span.start >= 0 && span.end <= stem.length && span.end > span.start);
  const whole = moved.length === 1 && moved[0]?.end === stem.length && moved[0].start === 0;
  // `amd64` alone may be anything; a folder that the archive is known to hold is one.
  if (whole && archTokens(stem).length > 0 && stem !== name) return [];
  return moved;
}
