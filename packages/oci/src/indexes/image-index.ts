import type { Descriptor } from '../descriptor.ts';
import { MabuildError } from '../error.ts';
import { addToIndex, duplicatePlatform, emptyIndex } from './index-add.ts';
import { type DescribedDocument, describeIndex, type IndexType } from './index-type.ts';

export { type DescribedDocument, describe } from './index-type.ts';

export interface MakeIndexOptions {
  /** Docker's manifest list or the OCI's index. @default 'oci' */
  readonly type?: IndexType | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Joins images in one index: OCI image-spec, "Image Index".
 *
 * @param children manifests with their platforms, in the order of the index
 * @throws MabuildError `DUPLICATE_PLATFORM`, `PLATFORM_MISSING` when a child states none, `MIXED_MEDIA_TYPES` when a
 *   manifest list shall hold OCI manifests or annotations
 */
export function makeIndex(
  children: readonly Descriptor[],
  options: MakeIndexOptions = {},
): DescribedDocument {
  for (const child of children) {
    if (child.platform) continue;
    throw new MabuildError(`joining an index: ${child.digest} states no platform`, {
      code: 'PLATFORM_MISSING',
      hint: 'take the platform from its config',
    });
  }
  const { annotations = {} } = options;
  const index = addToIndex(emptyIndex, children);
  const twice = children.find((child, at) => index.manifests[at] !== child);
  if (twice) throw duplicatePlatform(twice, twice);
  return describeIndex(
    Object.keys(annotations).length > 0 ? { ...index, annotations } : index,
    options.type ?? 'oci',
  );
}
