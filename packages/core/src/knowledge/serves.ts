import { normalizePlatform, type Platform, platformSatisfies } from '@mabuild/oci';

/** Tells whether an image suits a platform: the same architecture, for the same or an older processor. */
export function serves(image: Platform, wanted: Platform): boolean {
  return (
    normalizePlatform(image).architecture === normalizePlatform(wanted).architecture &&
    platformSatisfies(image, wanted)
  );
}
