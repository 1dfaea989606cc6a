import type { Platform } from '@mabuild/oci';

export interface CopyRequest {
  /** A reference, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`, or `docker:IMAGE` of the engine. */
  readonly source: string;
  /** As `source`. A tag that is not named is the source's. */
  readonly destination: string;
  /** Only these; an index of some of them is a new one. @default all */
  readonly platforms?: readonly (string | Platform)[] | undefined;
  /** Every tag of a repository, an OCI layout or an OCI archive; neither side names a tag. @default false */
  readonly allTags?: boolean | undefined;
  /** Signatures, SBOMs and whatever else names the images as its subject too. @default false */
  readonly referrers?: boolean | undefined;
}
