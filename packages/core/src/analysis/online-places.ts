import { Attached } from '../attached.ts';
import { findChecksum } from '../knowledge/checksum-files.ts';
import { type ArchPlace, archPlaces, placesOf } from './arch-places.ts';
import type { CodeReading } from './code-words.ts';
import { checksumName } from './download-checksums.ts';
import { type DownloadFacts, lookUpDownloads } from './download-facts.ts';
import { findDownloads } from './downloads.ts';

const asked = new WeakMap<DownloadFacts, Attached<CodeReading, Promise<readonly ArchPlace[]>>>();

/**
 * {@link archPlaces}, with what publishers say when they may be asked.
 *
 * @param platforms keys such as `linux/arm/v7`
 */
export async function knownPlaces(
  reading: CodeReading,
  platforms: readonly string[],
  facts: DownloadFacts | undefined,
): Promise<readonly ArchPlace[]> {
  if (!facts) return archPlaces(reading);
  const answers = asked.get(facts) ?? new Attached<CodeReading, Promise<readonly ArchPlace[]>>();
  asked.set(facts, answers);
  const answer = answers.get(reading) ?? ask(reading, platforms, facts);
  answers.set(reading, answer);
  return answer;
}

async function ask(
  reading: CodeReading,
  platforms: readonly string[],
  facts: DownloadFacts,
): Promise<readonly ArchPlace[]> {
  const downloads = await lookUpDownloads(findDownloads(reading), platforms, facts);
  return Promise.all(placesOf(reading, downloads).map((place) => withChecksums(place, platforms, facts)));
}

/** A checksum's values on other platforms, from the list in which the file's own is that of the x86 file. */
async function withChecksums(
  place: ArchPlace,
  platforms: readonly string[],
  facts: DownloadFacts,
): Promise<ArchPlace> {
  const { download, kind, word, start, end } = place;
  const published = download.asset?.checksums;
  const hash = word.mapped.text.slice(start, end);
  const algorithm = checksumName(hash);
  if (kind !== 'checksum' || published === undefined || published.algorithm !== algorithm) return place;
  const find = async (document: string, url: string): Promise<string | undefined> => {
    const text = await facts.read(document);
    const file = url.slice(url.lastIndexOf('/') + 1);
    return text === undefined ? undefined : findChecksum(text, { algorithm, file, format: published.format });
  };
  // A list that knows another file under the name would be trusted for nothing.
  if ((await find(published.url, download.url)) !== hash.toLowerCase()) return place;
  const texts: Record<string, string> = {};
  for (const platform of platforms) {
    const url = urlFor(place, platform);
    const found = url && (await find(published.urls[platform] ?? published.url, url));
    if (found) texts[platform] = found;
  }
  return { ...place, texts };
}

function urlFor({ download }: ArchPlace, platform: string): string | undefined {
  const { url, start, spans } = download;
  if (!spans.every(({ texts }) => Object.hasOwn(texts, platform))) return undefined;
  return spans.reduceRight(
    (text, span) => text.slice(0, span.start - start) + span.texts[platform] + text.slice(span.end - start),
    url,
  );
}
