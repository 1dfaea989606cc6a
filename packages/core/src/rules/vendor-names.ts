import { familiarReference, formatPlatform, type ImageReference, type Platform } from '@mabuild/oci';
import { readVendorImage } from '../knowledge/vendor-images.ts';

/** What the vendor calls the image on each platform, for a hint; `undefined` when that is not known for all of them. */
export function vendorNames(reference: ImageReference, platforms: readonly Platform[]): string | undefined {
  const vendor = readVendorImage(reference);
  const names = platforms.flatMap((platform) => {
    const name = vendor?.nameFor(platform);
    const text = name && familiarReference(name);
    return text && text !== familiarReference(reference) ? [`${formatPlatform(platform)}: ${text}`] : [];
  });
  return names.length > 0 && names.length === platforms.length
    ? `${names.join(', ')}; migrate --style per-arch writes it`
    : undefined;
}
