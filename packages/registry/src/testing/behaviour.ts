/** What a registry can do, and what it is strict about; left out, it does all that the distribution-spec names. */
export interface RegistryBehaviour {
  /** Refuse manifests whose blobs are missing, as real registries do. @default true */
  readonly strict?: boolean | undefined;
  /** Whether blobs can be mounted across repositories. @default true */
  readonly mount?: boolean | undefined;
  /** Whether a mount without `from` finds a blob anywhere. @default false */
  readonly anonymousMount?: boolean | undefined;
  /** Whether a POST with `digest` and the whole body is an upload; otherwise it only begins one. @default false */
  readonly singlePost?: boolean | undefined;
  /** Whether a PUT may bring the whole blob; otherwise it is a 404, and the bytes come by PATCH. @default true */
  readonly monolithic?: boolean | undefined;
  /** Whether an upload may be made of several PATCHes; otherwise the second is a 404. @default true */
  readonly chunked?: boolean | undefined;
  /** Bytes that every chunk but the last must have. @default 0 */
  readonly minChunk?: number | undefined;
  /** Whether `minChunk` is told, in OCI-Chunk-Min-Length. @default true */
  readonly announceMinChunk?: boolean | undefined;
  /** Bytes that a PATCH with a known length may have; one without is taken as it comes. @default no limit */
  readonly maxChunk?: number | undefined;
  /** Whether a chunk with a Content-Range that is out of order is a 416; otherwise it is appended. @default true */
  readonly checkContentRange?: boolean | undefined;
  /** Whether Location names scheme and host. @default false */
  readonly absoluteLocations?: boolean | undefined;
  /** Status of a PATCH that was taken; ECR says 201, pulp 204. @default 202 */
  readonly patchStatus?: number | undefined;
  /** Throw away the bytes of every PATCH but the first, and let Range say so, as ECR was seen to do. @default false */
  readonly dropLaterChunks?: boolean | undefined;
  /** Bytes of a request above which a proxy in front says 413 in HTML. @default no limit */
  readonly maxBody?: number | undefined;
  /** Whether GET of an upload tells how far it is. @default true */
  readonly uploadStatus?: boolean | undefined;
  /** Whether DELETE ends an upload. @default true */
  readonly cancelUpload?: boolean | undefined;
  /**
   * Whether the Location of an upload holds how far it was, as docker-registry's does: with an older one, after a
   * connection that was cut, the upload is a 404 and gone. @default false
   */
  readonly offsetInLocation?: boolean | undefined;
  /** Whether GET of a blob leads to a store on another port, which takes no Authorization. @default false */
  readonly redirectBlobs?: boolean | undefined;
  /** Whether blobs are sent from the middle when Range asks for it. @default true */
  readonly ranges?: boolean | undefined;
  /** Whether HEAD of a manifest is answered; otherwise 405. @default true */
  readonly headManifest?: boolean | undefined;
  /** Whether manifests have an ETag. @default false */
  readonly etag?: boolean | undefined;
  /** Whether PUT heeds If-Match and If-None-Match where there are ETags; docker-registry does not. @default true */
  readonly ifMatch?: boolean | undefined;
  /** Whether a tag, once written, refuses every further write, also an identical one. @default false */
  readonly immutableTags?: boolean | undefined;
  /** Whether there is a referrers API; otherwise 404. @default true */
  readonly referrers?: boolean | undefined;
  /** What DELETE takes: manifests and blobs, also tags, or nothing. @default 'all' */
  readonly delete?: 'all' | 'digests' | 'none' | undefined;
  /** Whether repositories are listed. @default true */
  readonly catalog?: boolean | undefined;
  /** Whether lists of tags come in pages; otherwise always whole. @default true */
  readonly tagPages?: boolean | undefined;
  /** Names that a page of a list has at most, and when it is not said how many. @default 100 */
  readonly pageSize?: number | undefined;
  /** Manifest GETs before 429, told in RateLimit headers. @default no limit */
  readonly rateLimit?: { readonly pulls: number; readonly windowSeconds: number } | undefined;
  /** Header that names every request, e.g. `x-request-id`. @default none */
  readonly requestIdHeader?: string | undefined;
}

/** A {@link RegistryBehaviour} with nothing left out. */
export type KnownBehaviour = {
  readonly [Key in keyof RegistryBehaviour]-?: NonNullable<RegistryBehaviour[Key]>;
};

const whole: KnownBehaviour = {
  strict: true,
  mount: true,
  anonymousMount: false,
  singlePost: false,
  monolithic: true,
  chunked: true,
  minChunk: 0,
  announceMinChunk: true,
  maxChunk: Number.POSITIVE_INFINITY,
  maxBody: Number.POSITIVE_INFINITY,
  checkContentRange: true,
  absoluteLocations: false,
  patchStatus: 202,
  dropLaterChunks: false,
  uploadStatus: true,
  cancelUpload: true,
  offsetInLocation: false,
  redirectBlobs: false,
  ranges: true,
  headManifest: true,
  etag: false,
  ifMatch: true,
  immutableTags: false,
  referrers: true,
  delete: 'all',
  catalog: true,
  tagPages: true,
  pageSize: 100,
  rateLimit: { pulls: Number.POSITIVE_INFINITY, windowSeconds: 0 },
  requestIdHeader: '',
};

/** Later ones count more; what is `undefined` counts as left out. */
export function behave(...behaviours: readonly RegistryBehaviour[]): KnownBehaviour {
  const given = behaviours.flatMap((behaviour) =>
    Object.entries(behaviour).filter(([key, value]) => key in whole && value !== undefined),
  );
  return { ...whole, ...Object.fromEntries(given) };
}
