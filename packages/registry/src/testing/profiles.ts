import type { RegistryBehaviour } from './behaviour.ts';

/** Registries whose ways {@link profiles} knows. */
export type RegistryProfile =
  | 'distribution'
  | 'docker-hub'
  | 'ecr'
  | 'ghcr'
  | 'artifactory'
  | 'harbor'
  | 'gitlab';

const mebibyte = 1024 * 1024;

/** What docker-registry 2.8 and what is built on it do with uploads. */
const distributionUploads: RegistryBehaviour = {
  offsetInLocation: true,
  checkContentRange: false,
  absoluteLocations: true,
};

/** How well-known registries differ from the distribution-spec, as far as their clients must care. */
export const profiles: Readonly<Record<RegistryProfile, RegistryBehaviour>> = {
  /** docker-registry 2.8 as it comes. */
  distribution: {
    ...distributionUploads,
    etag: true,
    ifMatch: false,
    referrers: false,
    delete: 'none',
    tagPages: false,
  },
  /** Counts pulls and says so; blobs come from elsewhere; deletes nothing and lists no repositories. */
  'docker-hub': {
    rateLimit: { pulls: 100, windowSeconds: 21_600 },
    redirectBlobs: true,
    ...distributionUploads,
    delete: 'none',
    catalog: false,
    requestIdHeader: 'docker-request-id',
  },
  /** Parts of S3's least size, tags that cannot be written twice, mounts that are never done. */
  ecr: {
    minChunk: 5 * mebibyte,
    announceMinChunk: false,
    patchStatus: 201,
    immutableTags: true,
    mount: false,
    redirectBlobs: true,
    uploadStatus: false,
    cancelUpload: false,
    catalog: false,
    requestIdHeader: 'x-amzn-requestid',
  },
  /** Refuses a chunk of more than 4 MiB. */
  ghcr: {
    maxChunk: 4 * mebibyte,
    redirectBlobs: true,
    delete: 'none',
    catalog: false,
    referrers: false,
    requestIdHeader: 'x-github-request-id',
  },
  /** Takes the bytes of a blob by one PATCH only. */
  artifactory: {
    monolithic: false,
    chunked: false,
    uploadStatus: false,
    cancelUpload: false,
    referrers: false,
  },
  /** docker-registry behind a proxy that knows more. */
  harbor: { ...distributionUploads, requestIdHeader: 'x-request-id' },
  /** docker-registry with a database. */
  gitlab: { ...distributionUploads, referrers: false, requestIdHeader: 'x-request-id' },
};
