export { type Challenge, parseChallenges } from './access/challenge.ts';
export { coversScopes, normalizeScopes, pullScope, pushScope } from './access/scope.ts';
export { firstCredential, type StaticCredential, staticCredentials } from './access/static-credentials.ts';
export { RegistryError, type RegistryErrorCode, type RegistryReason } from './error.ts';
export type { OnRegistryEvent, RegistryEvent } from './event.ts';
export type { ConnectionOptions } from './http/connections.ts';
export { apiHost, isLoopbackHost, isPrivateHost } from './http/host-name.ts';
export type { FetchInit, FetchLike, FetchResponse } from './http/http-message.ts';
export type { ProxyOptions } from './http/proxy-choice.ts';
export { parseRetryAfter, type RetryOptions } from './http/retry.ts';
export type { TimeoutOptions } from './http/timeouts.ts';
export type { CertificateSource, TlsOptions } from './http/tls-settings.ts';
export { resolveUploadLocation } from './http/upload-location.ts';
export { createWebClient, type WebAnswer, type WebClient, type WebRequest } from './http/web-client.ts';
export type { ListOptions } from './lists/pages.ts';
export type { AskToPushOptions } from './manifests/ask-to-push.ts';
export type { ManifestStore } from './manifests/manifest-cache.ts';
export type { ReferrersOptions } from './manifests/referrers.ts';
export type { RateLimit } from './rate-limit.ts';
export {
  createRegistryClient,
  type RegistryClient,
  type RegistryOptions,
  type ResolveOptions,
} from './registry.ts';
