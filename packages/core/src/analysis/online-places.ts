import { type ArchPlace, archPlaces, placesOf } from './arch-places.ts';
import type { CodeReading } from './code-words.ts';
import { type DownloadFacts, lookUpDownloads } from './download-facts.ts';
import { findDownloads } from './downloads.ts';

const asked = new WeakMap<DownloadFacts, WeakMap<CodeReading, Promise<readonly ArchPlace[]>>>();

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
  const answers = asked.get(facts) ?? new WeakMap<CodeReading, Promise<readonly ArchPlace[]>>();
  asked.set(facts, answers);
  const answer =
    answers.get(reading) ??
    lookUpDownloads(findDownloads(reading), platforms, facts).then((downloads) =>
      placesOf(reading, downloads),
    );
  answers.set(reading, answer);
  return answer;
}
