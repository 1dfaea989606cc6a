export { BuildFailedError, type BuildFailure } from './build-failed.ts';
export type { BuildSecrets } from './build-secrets.ts';
export type { EngineAddress, TlsMaterial } from './docker/address.ts';
export { DockerClient, type DockerClientOptions } from './docker/client.ts';
export { EngineRefusedError } from './docker/client-error.ts';
export { type BuildkitBuilder, DockerEngine, type DockerEngineOptions } from './docker/engine.ts';
export { type OpenEngineOptions, openDockerEngine as detectEngine } from './docker/open.ts';
export {
  type BuildCache,
  type CacheImage,
  type CacheItem,
  type CacheKind,
  type CacheMode,
  type CachePlace,
  type CacheSource,
  type Claim,
  cacheItems,
  cacheKinds,
  cacheTypes,
  keepWithin,
  type Lease,
  oldestLease,
  openBuildCache,
  openLease,
  type Pruned,
  type PruneOptions,
  pruneItems,
} from './embedded/cache/index.ts';
export type { WebPage, WebReader } from './embedded/downloads.ts';
export {
  type EmbeddedEngineOptions,
  openEmbeddedEngine,
} from './embedded/engine.ts';
export { type RunImageOptions, type RunnableImage, runImageIn } from './embedded/run-image.ts';
export {
  allSandboxLeftovers,
  createSandbox,
  type HelperProcess,
  type ProotPlace,
  type Sandbox,
  type SandboxChoice,
  type SandboxOptions,
  sandboxLimits,
  sandboxRun,
  serveSandbox,
  sweepSandboxes,
} from './embedded/sandbox/index.ts';
export type { RunProgram } from './embedded/steps/run.ts';
export { type EndpointRequest, type EngineCandidate, engineCandidates } from './endpoint.ts';
export type * from './engine.ts';
export { type RunSettings, type Ulimit, type UlimitName, ulimitNumbers } from './run-settings.ts';
