export type { Config, RegistryConfig } from './config.ts';
export {
  countFindings,
  type FileFindings,
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
  type Paint,
  paintFor,
  type ReportFormat,
  type ReportOptions,
  ruleMarkdown,
  rulesDocument,
  type SarifOptions,
  sarifLog,
} from './formatters/index.ts';
export { type BuildOptions, buildAndPush, defaultPlatforms, planImages } from './sdk/build.ts';
export type { BuildRequest, BuildResult, BuildResultImage } from './sdk/build-request.ts';
export { type CheckReport, type CheckRequest, checkFiles } from './sdk/check.ts';
export {
  type CopiedImage,
  type CopyImagesOptions,
  type CopyRequest,
  type CopyResult,
  copyImages,
} from './sdk/copy-images.ts';
export {
  type CreateIndexRequest,
  createImageIndex,
  type IndexOptions,
  type IndexWriteRequest,
} from './sdk/create-index.ts';
export type { CredentialPlace } from './sdk/credential-store.ts';
export { type DeleteRequest, type DeleteResult, deleteImage } from './sdk/delete-image.ts';
export { type DockerConfig, readDockerConfig } from './sdk/docker-config.ts';
export { type DoctorReport, examine, type PlatformSupport } from './sdk/doctor.ts';
export {
  type AddToIndexRequest,
  type AnnotateIndexRequest,
  addToImageIndex,
  annotateImageIndex,
  type RemoveFromIndexRequest,
  removeFromImageIndex,
} from './sdk/edit-index.ts';
export type { Environment } from './sdk/environment.ts';
export {
  type ImportOptions,
  type ImportOutput,
  type ImportRequest,
  type ImportResult,
  importRootfs,
} from './sdk/import-rootfs.ts';
export type { IndexResult } from './sdk/index-result.ts';
export type { IndexSource, IndexSourceOptions } from './sdk/index-sources.ts';
export type { InspectedImage, InspectReport } from './sdk/inspect.ts';
export { listRepositories, listTags } from './sdk/lists.ts';
export { type LoginRequest, type LoginResult, type LogoutResult, login, logout } from './sdk/login.ts';
export { type MergeRequest, mergeDigests } from './sdk/merge-digests.ts';
export { type MigratedFile, type MigrateReport, type MigrateRequest, migrateFiles } from './sdk/migrate.ts';
export { type Output, parseOutput } from './sdk/output.ts';
export { type ProofStep, type ProveRequest, proveMigration } from './sdk/prove.ts';
export type { Published } from './sdk/publish.ts';
export { type PullRequest, pullImage } from './sdk/pull-image.ts';
export { type PushRequest, pushImage } from './sdk/push-image.ts';
export { type RawDocument, type ReadRequest, readBlob, readConfig, readManifest } from './sdk/read-image.ts';
export {
  digestOfReference,
  inspectImage,
} from './sdk/registry-verbs.ts';
export { describeRules, findRule, knownRules, type RuleDescription } from './sdk/rules.ts';
export { type RunOptions, type RunRequest, runImage } from './sdk/run-image.ts';
export { type TagRequest, tagImage } from './sdk/tag-image.ts';
export type { SdkOptions } from './sdk/toolbox.ts';
export { type VerifyRequest, verifyReference } from './sdk/verify.ts';
export {
  type RepositoryReport,
  type VerifiedTag,
  type VerifyRepositoryOptions,
  type VerifyRepositoryRequest,
  verifyRepository,
} from './sdk/verify-repository.ts';
