import { isAttestation } from '../attestation.ts';
import type { Descriptor } from '../descriptor.ts';
import { MabuildError } from '../error.ts';
import type { ImageIndex } from '../manifest.ts';
import { formatPlatformDetails, formatPlatformList, normalizePlatform, type Platform } from '../platform.ts';

/** An index entry that is an image for a platform: no attestation, and no artifact. */
export interface ImageEntry extends Descriptor {
  readonly platform: Platform;
}

/** Tells images from attestations, and from entries of which nobody knows what they run on. */
export function isImageEntry(entry: Descriptor): entry is ImageEntry {
  const { platform } = entry;
  if (platform === undefined || isAttestation(entry)) return false;
  return platform.os !== 'unknown' && platform.architecture !== 'unknown';
}

/** One name for a platform, whatever names it goes by: two Windows versions are two platforms. */
export function platformKey(platform: Platform): string {
  return formatPlatformDetails(normalizePlatform(platform));
}

/** Tells whether an entry is what a person means by a platform: versions and features count where they are named. */
export function isMeant(entry: ImageEntry, wanted: Platform): boolean {
  const { 'os.version': version, 'os.features': features, ...plain } = normalizePlatform(entry.platform);
  const meant = normalizePlatform(wanted);
  return (
    platformKey({
      ...plain,
      ...(meant['os.version'] !== undefined && version !== undefined && { 'os.version': version }),
      ...(meant['os.features'] !== undefined && features !== undefined && { 'os.features': features }),
    }) === platformKey(meant)
  );
}

/**
 * The images of an index that a person means by a platform.
 * @throws MabuildError `PLATFORM_MISSING` when there are none
 */
export function imagesFor(index: Pick<ImageIndex, 'manifests'>, platform: Platform): readonly ImageEntry[] {
  const images = index.manifests.filter(isImageEntry);
  const meant = images.filter((entry) => isMeant(entry, platform));
  if (meant.length > 0) return meant;
  const list = formatPlatformList(images.map((entry) => normalizePlatform(entry.platform)));
  throw new MabuildError(`the index has no image for ${platformKey(platform)}`, {
    code: 'PLATFORM_MISSING',
    hint: list === '' ? 'it holds no image at all' : `it has ${list}`,
  });
}
