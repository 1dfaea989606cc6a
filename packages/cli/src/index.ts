export type { Ulimit } from '@mabuild/core';
export { isMabuildError, MabuildError } from '@mabuild/oci';
export type { Config, RegistryConfig } from './config.ts';
export {
  type FindingsTextOptions,
  findingsDocument,
  formatFinding,
  formatFindings,
  formatGithub,
  formatReport,
  formatRule,
  formatRules,
  type HtmlReportOptions,
  htmlReport,
  type ReportFormat,
  type ReportOptions,
  ruleMarkdown,
  rulesDocument,
  type SarifOptions,
  sarifLog,
} from './formatters/index.ts';
export { buildAndPush, defaultPlatforms, planImages } from './sdk/build/build.ts';
export type { BuildOptions } from './sdk/build/build-options.ts';
export type { BuildRequest, BuildResult, BuildResultImage, SecretSource } from './sdk/build/build-request.ts';
export { type Output, parseOutput } from './sdk/build/output.ts';
export type { Published } from './sdk/build/publish.ts';
export { runImage } from './sdk/build/run-image.ts';
export type { RunOptions, RunRequest } from './sdk/build/run-request.ts';
export {
  type CacheFrom,
  type CachePlaceSpec,
  type CacheTo,
  type KeptCache,
  parseCacheFrom,
  parseCacheTo,
} from './sdk/cache/cache-spec.ts';
export {
  type CacheEntry,
  type CacheKindUsage,
  type CacheUsage,
  cacheUsage,
} from './sdk/cache/cache-usage.ts';
export { type PruneCacheRequest, type PruneCacheResult, pruneCache } from './sdk/cache/prune-cache.ts';
export { type CheckReport, type CheckRequest, checkFiles } from './sdk/check/check.ts';
export { countFindings, type FileFindings } from './sdk/check/file-findings.ts';
export {
  type MigratedFile,
  type MigrateReport,
  type MigrateRequest,
  migrateFiles,
} from './sdk/check/migrate.ts';
export { type ProofStep, type ProveRequest, proveMigration } from './sdk/check/prove.ts';
export { describeRules, findRule, knownRules, type RuleDescription } from './sdk/check/rules.ts';
export type { CredentialPlace } from './sdk/credentials/credential-store.ts';
export { type DockerConfig, readDockerConfig } from './sdk/credentials/docker-config.ts';
export {
  type LoginRequest,
  type LoginResult,
  type LogoutResult,
  login,
  logout,
} from './sdk/credentials/login.ts';
export { type DoctorReport, examine, type PlatformSupport } from './sdk/doctor.ts';
export type { Environment } from './sdk/environment.ts';
export {
  type CopiedImage,
  type CopyImagesOptions,
  type CopyResult,
  copyImages,
} from './sdk/images/copy-images.ts';
export type { CopyRequest } from './sdk/images/copy-request.ts';
export { type DeleteRequest, type DeleteResult, deleteImage } from './sdk/images/delete-image.ts';
export {
  type ImportOptions,
  type ImportOutput,
  type ImportRequest,
  type ImportResult,
  importRootfs,
} from './sdk/images/import-rootfs.ts';
export type { InspectedImage, InspectReport } from './sdk/images/inspect.ts';
export { listRepositories, listTags } from './sdk/images/lists.ts';
export { type PullRequest, pullImage } from './sdk/images/pull-image.ts';
export { type PushRequest, pushImage } from './sdk/images/push-image.ts';
export {
  type RawDocument,
  type ReadRequest,
  readBlob,
  readConfig,
  readManifest,
} from './sdk/images/read-image.ts';
export {
  digestOfReference,
  inspectImage,
} from './sdk/images/registry-verbs.ts';
export { type TagRequest, tagImage } from './sdk/images/tag-image.ts';
export { type VerifyRequest, verifyReference } from './sdk/images/verify.ts';
export {
  type RepositoryReport,
  type VerifiedTag,
  type VerifyRepositoryOptions,
  type VerifyRepositoryRequest,
  verifyRepository,
} from './sdk/images/verify-repository.ts';
export {
  type CreateIndexRequest,
  createImageIndex,
  type IndexOptions,
  type IndexWriteRequest,
} from './sdk/indexes/create-index.ts';
export {
  type AddToIndexRequest,
  type AnnotateIndexRequest,
  addToImageIndex,
  annotateImageIndex,
  type RemoveFromIndexRequest,
  removeFromImageIndex,
} from './sdk/indexes/edit-index.ts';
export type { IndexResult } from './sdk/indexes/index-result.ts';
export type { IndexSource, IndexSourceOptions } from './sdk/indexes/index-sources.ts';
export { type MergeRequest, mergeDigests } from './sdk/indexes/merge-digests.ts';
export { type FetchEmulatorsRequest, type FetchedEmulators, fetchEmulators } from './sdk/programs.ts';
export type { SdkOptions } from './sdk/toolbox.ts';
export { type Paint, paintFor } from './text/paint.ts';
