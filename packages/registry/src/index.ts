export { type Challenge, parseChallenges } from './challenge.ts';
export type { ConnectionOptions } from './connections.ts';
export { RegistryError, type RegistryErrorCode, type RegistryReason } from './error.ts';
export type { OnRegistryEvent, RegistryEvent } from './event.ts';
export { apiHost, isLoopbackHost, isPrivateHost } from './host-name.ts';
export type { FetchInit, FetchLike, FetchResponse } from './http-message.ts';
export type { ManifestStore } from './manifest-cache.ts';
export type { ListOptions } from './pages.ts';
export type { ProxyOptions } from './proxy-choice.ts';
export type { RateLimit } from './rate-limit.ts';
export type { ReferrersOptions } from './referrers.ts';
export {
  createRegistryClient,
  type RegistryClient,
  type RegistryOptions,
  type ResolveOptions,
} from './registry.ts';
export { parseRetryAfter, type RetryOptions } from './retry.ts';
export { coversScopes, normalizeScopes, pullScope, pushScope } from './scope.ts';
export { firstCredential, type StaticCredential, staticCredentials } from './static-credentials.ts';
export type { TimeoutOptions } from './timeouts.ts';
export type { CertificateSource, TlsOptions } from './tls-settings.ts';
export { resolveUploadLocation } from './upload-location.ts';
export { createWebClient, type WebAnswer, type WebClient, type WebRequest } from './web-client.ts';
