import {
  familiarReference,
  formatPlatform,
  type ImageReference,
  isMabuildError,
  type Platform,
  parseReference,
} from '@mabuild/oci';
import { renumberStages } from '../dockerfile/alias-stage.ts';
import type { ImageUse } from '../dockerfile/image-uses.ts';
import type { Dockerfile, TextEdit } from '../dockerfile/model.ts';
import { selectBase } from '../fixes/select-base.ts';
import { platformKey } from '../fixes/variation.ts';
import { readVendorImage, type VendorImage } from '../knowledge/vendor-images.ts';
import type { ImageSite } from './image-sites.ts';

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

/** Edits that let a FROM of an x64 image choose between the vendor's names; none where not all are known. */
export function vendorStages(dockerfile: Dockerfile, { use, platforms }: ImageSite): readonly TextEdit[] {
  const vendor = readVendorImage(use.reference);
  if (use.kind !== 'from' || vendor?.platform !== 'linux/amd64' || waitsForOther(dockerfile, use)) return [];
  const names = platforms.flatMap((platform): readonly (readonly [string, string])[] => {
    const name = vendor.nameFor(platform);
    return name ? [[platformKey(platform), familiarReference(name)]] : [];
  });
  return selectBase(dockerfile, use.stage, Object.fromEntries(names), platforms);
}

/** Numbers of stages can only be moved for one stage at a time: those further down get their turn afterwards. */
function waitsForOther(dockerfile: Dockerfile, { stage }: ImageUse): boolean {
  const numbers = renumberStages(dockerfile, (index) => index + 1);
  return (
    numbers.length > 0 &&
    dockerfile.stages.slice(0, stage.index).some(({ base, name = '' }) => {
      const isDone = name.endsWith('-amd64');
      return !isDone && vendorOf(base.raw)?.platform === 'linux/amd64';
    })
  );
}

function vendorOf(name: string): VendorImage | undefined {
  try {
    return readVendorImage(parseReference(name));
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}
