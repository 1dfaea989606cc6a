import { attestationSubject, isAttestation, withoutLostAttestations } from '../attestation.ts';
import { MabuildError } from '../error.ts';
import type { ImageIndex } from '../manifest.ts';
import type { Platform } from '../platform.ts';
import { type ImageEntry, imagesFor, isImageEntry, isMeant } from './index-entry.ts';

/**
 * Takes platforms out of an index, with their attestations.
 * @throws MabuildError `PLATFORM_MISSING` when one is not there; `INDEX_EMPTY` when no image would be left
 */
export function removeFromIndex(index: ImageIndex, platforms: readonly Platform[]): ImageIndex {
  for (const platform of platforms) imagesFor(index, platform);
  return removeImages(index, (entry) => platforms.some((platform) => isMeant(entry, platform)));
}

/** Takes out the images that `isUnwanted` points at, with their attestations. @throws MabuildError `INDEX_EMPTY` */
export function removeImages(index: ImageIndex, isUnwanted: (entry: ImageEntry) => boolean): ImageIndex {
  const left = index.manifests.filter((entry) => !isImageEntry(entry) || !isUnwanted(entry));
  if (left.length === index.manifests.length) return index;
  if (!left.some(isImageEntry)) {
    throw new MabuildError('removing from an index: no image would be left', {
      code: 'INDEX_EMPTY',
      hint: 'delete the tag instead',
    });
  }
  return { ...index, manifests: withoutLostAttestations(index.manifests, left) };
}

/**
 * Leaves only the images of some platforms, with their attestations, in the order of the index.
 * @throws MabuildError `PLATFORM_MISSING` when one is not there
 */
export function filterIndex(index: ImageIndex, platforms: readonly Platform[]): ImageIndex {
  const kept = new Set(platforms.flatMap((platform) => imagesFor(index, platform)));
  const digests = new Set([...kept].map(({ digest }) => digest));
  const manifests = index.manifests.filter((entry) => {
    const subject = attestationSubject(entry);
    return subject === undefined ? kept.has(entry as ImageEntry) : digests.has(subject);
  });
  return manifests.length === index.manifests.length ? index : { ...index, manifests };
}

/** Takes every attestation out of an index. */
export function withoutAttestations(index: ImageIndex): ImageIndex {
  const manifests = index.manifests.filter((entry) => !isAttestation(entry));
  return manifests.length === index.manifests.length ? index : { ...index, manifests };
}
