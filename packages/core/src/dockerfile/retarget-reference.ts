import {
  formatPlatform,
  type ImageReference,
  normalizePlatform,
  type Platform,
  parseReference,
  platformsEqual,
} from '@mabuild/oci';
import { officialNamespace, officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { officialImagePlatforms } from '../knowledge/official-images.ts';
import { readVendorImage, type VendorImage } from '../knowledge/vendor-images.ts';
import type { BuildTarget, ImageUse } from './image-uses.ts';

/** `namespace`: `arm32v7/ubuntu`; `index`: the name stays and the image's own list chooses. */
export type BaseStyle = 'namespace' | 'index';

/** A user's own choice of ARM images, by familiar name with or without tag: `{ "node": "myreg/node-arm" }`. */
export type ImageMapping = Readonly<Record<string, string>>;

export interface RetargetOptions extends BuildTarget {
  readonly style: BaseStyle;
  readonly images?: ImageMapping | undefined;
  /** Only the user's own mapping is followed; every other name and flag stays. @default false */
  readonly mappingOnly?: boolean | undefined;
  /** Edit the ARG default that a name comes from, not the FROM. @default true */
  readonly throughArgs?: boolean | undefined;
  /** Name sources of COPY and of mounts in stages of their own, where they can have a `--platform`. @default true */
  readonly aliasStages?: boolean | undefined;
  /** Only vendors' own names for a platform are written; every other name and flag stays. @default false */
  readonly vendorsOnly?: boolean | undefined;
  /** Also the stages that the target does not need; what cannot be read is left out. @default false */
  readonly allStages?: boolean | undefined;
}

/** What an image is to be called for a platform. */
export interface Retargeted {
  readonly reference: ImageReference;
  /** The platform to ask for; lower than the target where the image has nothing better. */
  readonly platform: Platform;
}

/** What a use of an image is renamed to; its own name when it stays. */
export function retargetReference(use: Pick<ImageUse, 'reference'>, options: RetargetOptions): Retargeted {
  const { reference } = use;
  const target = normalizePlatform(options.platform);
  const same = { reference, platform: target };
  const x86 = target.architecture === 'amd64' || target.architecture === '386';
  if (!x86) {
    const mapped = mapImage(reference, options.images ?? {});
    if (mapped) return { ...same, reference: mapped };
  }
  if (options.mappingOnly) return same;
  const vendor = readVendorImage(reference);
  if (vendor) return { ...same, reference: vendorName(vendor, reference, target, options.style) };
  const named = readNamespace(reference);
  if (named && platformsEqual(named.platform, target)) return same;
  const plain = named ? named.plain : reference;
  const repository = plain && officialRepository(plain);
  // A digest names one content: under another name there is no such thing.
  if (!plain || repository === undefined || reference.digest !== undefined) return same;
  if (options.style === 'index' || x86) return { ...same, reference: plain };
  const platform = substitute(repository, plain.tag ?? 'latest', target);
  const namespace = platform && officialNamespace(platform);
  // Whether there is such a tag for the platform is not known: the plain name's own list says.
  if (platform === undefined || namespace === undefined) return { ...same, reference: plain };
  return { reference: { ...plain, repository: `${namespace}/${repository}` }, platform };
}

function vendorName(
  vendor: VendorImage,
  reference: ImageReference,
  target: Platform,
  style: BaseStyle,
): ImageReference {
  if (vendor.platform === formatPlatform(target)) return reference;
  const named = vendor.nameFor(target);
  if (named === undefined || (style === 'index' && vendor.platform === undefined)) return reference;
  return (style === 'index' ? vendor.index : undefined) ?? named;
}

export function mapImage(reference: ImageReference, images: ImageMapping): ImageReference | undefined {
  const targets = Object.values(images).map((text) => parseReference(text));
  if (
    targets.some(
      (target) => target.registry === reference.registry && target.repository === reference.repository,
    )
  ) {
    return reference;
  }
  for (const withTag of [true, false]) {
    for (const [from, to] of Object.entries(images)) {
      const key = parseReference(from);
      const keyHasTag = /:[^/]*$/.test(from);
      if (
        keyHasTag !== withTag ||
        key.registry !== reference.registry ||
        key.repository !== reference.repository
      )
        continue;
      if (withTag && key.tag !== (reference.tag ?? 'latest')) continue;
      const target = parseReference(to);
      const own = /[:@][^/]*$/.test(to);
      const { registry, repository } = target;
      if (own) return target;
      return { ...reference, registry, repository };
    }
  }
  return undefined;
}

/**
 * The best platform that an image has and the target runs, `undefined` when that is not known: Debian has no ARMv6, what
 * it has for ARMv5 runs there; Alpine up to 3.8 had ARMv6 and no ARMv7.
 */
function substitute(repository: string, tag: string, target: Platform): Platform | undefined {
  const has = officialImagePlatforms(repository, tag) ?? [];
  if (target.architecture !== 'arm') return has.find((platform) => platformsEqual(platform, target));
  const variants = ['v7', 'v6', 'v5'];
  return variants
    .slice(variants.indexOf(target.variant ?? 'v7'))
    .map((variant) => has.find((other) => other.architecture === 'arm' && other.variant === variant))
    .find((platform) => platform !== undefined);
}
