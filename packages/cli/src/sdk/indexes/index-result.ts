import {
  attestationSubject,
  type Descriptor,
  formatPlatformDetails,
  type ImageIndex,
  type ImageSource,
  isImageEntry,
  parseImageIndex,
  readDocument,
} from '@mabuild/oci';
import type { Published } from '../build/publish.ts';

/** An index as it was written, or would be. */
export interface IndexResult {
  /** Every tag, with what it points at. */
  readonly references: readonly Published[];
  readonly digest: string;
  readonly mediaType: string;
  readonly images: readonly { readonly platform: string; readonly digest: string }[];
  readonly attestations: readonly { readonly for: string; readonly digest: string }[];
  /** The document itself. */
  readonly index: ImageIndex;
}

/** What became of an index. */
export async function describeResult(
  source: ImageSource,
  references: readonly Published[],
): Promise<IndexResult> {
  const { digest, mediaType } = source.root;
  const index = parseImageIndex(await readDocument(source, source.root));
  return {
    references,
    digest,
    mediaType,
    images: index.manifests.filter(isImageEntry).map((entry) => ({
      platform: formatPlatformDetails(entry.platform),
      digest: entry.digest,
    })),
    attestations: index.manifests.flatMap((entry: Descriptor) => {
      const subject = attestationSubject(entry);
      return subject === undefined ? [] : [{ for: subject, digest: entry.digest }];
    }),
    index,
  };
}
