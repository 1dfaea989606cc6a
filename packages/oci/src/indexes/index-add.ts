import { withoutLostAttestations } from '../attestation.ts';
import type { Descriptor } from '../descriptor.ts';
import { MabuildError } from '../error.ts';
import type { ImageIndex } from '../manifest.ts';
import { type ImageEntry, isImageEntry, platformKey } from './index-entry.ts';

export interface AddToIndexOptions {
  /**
   * Whether an image of the index gives way to an added one for the same platform; its attestations go with it.
   * @default false
   */
  readonly replace?: boolean | ((present: ImageEntry) => boolean) | undefined;
}

/** An index that nothing has been added to. */
export const emptyIndex: ImageIndex = { schemaVersion: 2, manifests: [] };

/**
 * Adds images, with their attestations, to an index.
 *
 * What is there stays where it is and as it is, what replaces an image takes its place, the rest follows in the order
 * given; what is there already is not added again.
 * @throws MabuildError `DUPLICATE_PLATFORM` when a platform is there and may not be replaced, and always when two of the
 *   added images are for one platform
 */
export function addToIndex(
  index: ImageIndex,
  entries: readonly Descriptor[],
  options: AddToIndexOptions = {},
): ImageIndex {
  const before = index.manifests;
  const manifests = [...before];
  for (const entry of entries) {
    const at = manifests.findIndex((present) => isSameEntry(present, entry));
    if (at >= 0) continue;
    const rival = isImageEntry(entry) ? findRival(manifests, entry) : -1;
    if (rival < 0) {
      manifests.push(entry);
      continue;
    }
    const present = manifests[rival] as ImageEntry;
    if (!before.includes(present) || !mayReplace(present, options)) throw duplicatePlatform(present, entry);
    manifests[rival] = entry;
  }
  if (manifests.length === before.length && manifests.every((entry, at) => entry === before[at]))
    return index;
  return { ...index, manifests: withoutLostAttestations(before, manifests) };
}

/** The same thing for the same purpose: one digest may stand for two platforms. */
function isSameEntry(a: Descriptor, b: Descriptor): boolean {
  if (a.digest !== b.digest || isImageEntry(a) !== isImageEntry(b)) return false;
  return !isImageEntry(a) || !isImageEntry(b) || platformKey(a.platform) === platformKey(b.platform);
}

function findRival(manifests: readonly Descriptor[], entry: Descriptor): number {
  return manifests.findIndex(
    (present) =>
      isImageEntry(present) &&
      isImageEntry(entry) &&
      platformKey(present.platform) === platformKey(entry.platform),
  );
}

function mayReplace(present: ImageEntry, { replace = false }: AddToIndexOptions): boolean {
  return typeof replace === 'function' ? replace(present) : replace;
}

/** What adding a second image for a platform is refused with. */
export function duplicatePlatform(present: Descriptor, entry: Descriptor): MabuildError {
  return new MabuildError(
    `joining an index: ${entry.platform ? platformKey(entry.platform) : 'an entry'} is there twice, as ${present.digest} and ${entry.digest}`,
    { code: 'DUPLICATE_PLATFORM', hint: 'leave one of them out, or say that it replaces the other' },
  );
}
