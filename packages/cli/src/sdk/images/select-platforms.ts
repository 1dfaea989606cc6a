import {
  attestationSubject,
  type CallOptions,
  type DescribedDocument,
  type Descriptor,
  describe,
  filterIndex,
  formatPlatform,
  formatPlatformList,
  type ImageIndex,
  type ImageSource,
  imagesFor,
  isImageEntry,
  isIndexType,
  MabuildError,
  type Platform,
  parseImageIndex,
  readDocument,
} from '@mabuild/oci';
import { platformManifest } from './inspect.ts';

/** What is left of an image when only some platforms are wanted. */
export interface Selection {
  readonly root: Descriptor;
  /** The index that had to be made; its digest is not the source's. */
  readonly made?: DescribedDocument;
  /** What people should know of it. */
  readonly note?: string;
}

export interface SelectOptions extends CallOptions {
  /** How messages name the image. */
  readonly of: string;
}

/**
 * Leaves only some platforms of an image, with their attestations. One platform is its manifest itself, no index; all of
 * them are the index as it is.
 * @throws MabuildError `PLATFORM_MISSING`
 */
export async function selectPlatforms(
  source: ImageSource,
  platforms: readonly Platform[],
  { of, signal }: SelectOptions,
): Promise<Selection> {
  const { root } = source;
  if (platforms.length === 0) return { root };
  const images = await Promise.all(
    platforms.map((platform) => platformManifest(source, platform, { reference: of, signal })),
  );
  if (!isIndexType(root.mediaType)) return { root };
  const index = parseImageIndex(await readDocument(source, root, { signal }));
  const [first] = images;
  if (first && platforms.length === 1 && imagesFor(index, platforms[0]!).length === 1) {
    const lost = index.manifests.some((entry) => attestationSubject(entry) === first.digest);
    const note = `${of}: ${formatPlatformList(platforms)} is copied as the image that it is, ${first.digest}`;
    return { root: first, note: lost ? `${note}, without its attestations` : note };
  }
  const left = filterIndex(index, platforms);
  if (left === index) return { root };
  const made = describe(left, root.mediaType);
  const kept = left.manifests.filter(isImageEntry);
  return {
    root: made.descriptor,
    made,
    note: `${of}: ${kept.length} of ${countImages(index)} images make a new index, ${made.descriptor.digest}; the source's is ${root.digest}`,
  };
}

/**
 * The one image of a selection, for places that hold no index.
 * @throws MabuildError `USAGE` when there are several
 */
export async function selectOnlyImage(
  source: ImageSource,
  { of, signal }: SelectOptions,
): Promise<Descriptor> {
  const { root } = source;
  if (!isIndexType(root.mediaType)) return root;
  const index = parseImageIndex(await readDocument(source, root, { signal }));
  const images = index.manifests.filter(isImageEntry);
  const [only] = images;
  if (only && images.length === 1) return only;
  throw new MabuildError(`${of} has ${images.length} images, and what is written to holds one`, {
    code: 'USAGE',
    hint: `name a platform: ${images.map(({ platform }) => formatPlatform(platform)).join(', ')}`,
  });
}

function countImages(index: ImageIndex): number {
  return index.manifests.filter(isImageEntry).length;
}
