import { MabuildError } from '@mabuild/oci';
import type { RateLimit } from './rate-limit.ts';

/** Codes that the registry client throws with. */
export type RegistryErrorCode =
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_UNAUTHORIZED'
  | 'REGISTRY_DENIED'
  | 'REGISTRY_RATE_LIMITED'
  | 'REGISTRY_ERROR'
  | 'REGISTRY_TAG_MOVED'
  | 'REGISTRY_UNSUPPORTED'
  | 'REPOSITORY_NOT_FOUND'
  | 'UNSUPPORTED_MANIFEST'
  | 'IMAGE_NOT_FOUND'
  | 'BLOB_NOT_FOUND';

/** An error of a registry, or of the way to it. */
export class RegistryError extends MabuildError {
  override readonly name: string = 'RegistryError';
  /** HTTP status; absent when no answer came. */
  readonly status: number | undefined;
  /** The registry's own name of the error, e.g. `MANIFEST_UNKNOWN`: distribution-spec, "Error Codes". */
  readonly registryCode: string | undefined;
  /** What the registry calls this request in its log. */
  readonly requestId: string | undefined;
  /** e.g. `PUT`. */
  readonly method: string | undefined;
  /** The address that was asked, without query and user. */
  readonly url: string | undefined;
  /** Everything that the registry says went wrong. */
  readonly reasons: readonly RegistryReason[];
  /** Milliseconds that the registry asks to wait. */
  readonly retryAfter: number | undefined;
  /** What the registry says of its limit. */
  readonly rateLimit: RateLimit | undefined;

  constructor(message: string, options: RegistryErrorOptions) {
    super(message, options);
    this.status = options.status;
    this.registryCode = options.registryCode;
    this.requestId = options.requestId;
    this.method = options.method;
    this.url = options.url === undefined ? undefined : redactUrl(options.url);
    this.reasons = options.reasons ?? [];
    this.retryAfter = options.retryAfter;
    this.rateLimit = options.rateLimit;
  }
}

export interface RegistryErrorOptions {
  readonly code: RegistryErrorCode;
  readonly hint?: string | undefined;
  readonly status?: number | undefined;
  readonly registryCode?: string | undefined;
  readonly requestId?: string | undefined;
  readonly method?: string | undefined;
  readonly url?: URL | undefined;
  readonly reasons?: readonly RegistryReason[] | undefined;
  readonly retryAfter?: number | undefined;
  readonly rateLimit?: RateLimit | undefined;
  readonly cause?: unknown;
}

/** One entry of a registry's error: distribution-spec, "Error Codes". Texts are shortened and hold no secrets. */
export interface RegistryReason {
  readonly code?: string;
  readonly message?: string;
  /** JSON, when it is no text. */
  readonly detail?: string;
}

/** An address without its query, fragment and user, for messages. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
