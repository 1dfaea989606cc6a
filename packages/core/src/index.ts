export type { DownloadFacts } from './analysis/download-facts.ts';
export { rememberingResolver } from './bases/remembering-resolver.ts';
export { type RunBuildOptions, runBuild } from './build.ts';
export { type CheckOptions, checkDockerfile, offlineImages } from './check.ts';
export { type ContextTarOptions, contextTar } from './context/archive.ts';
export type { AddedFile, BuildContext, ContextEntry } from './context/context.ts';
export { type FolderContextOptions, openFolderContext } from './context/folder-context.ts';
export { type OpenContextOptions, type OpenedContext, openContext } from './context/open-context.ts';
export { unpackTar } from './context/unpack.ts';
export { type DiffNames, unifiedDiff } from './diff.ts';
export {
  type Base,
  type CopySource,
  type ImageBase,
  resolveBase,
  resolveSources,
} from './dockerfile/base.ts';
export { detectDirective } from './dockerfile/directives.ts';
export { applyEdits, editLogical } from './dockerfile/edit.ts';
export { type BuildTarget, type ImageUse, imageUses, type NamedContext } from './dockerfile/image-uses.ts';
export { locate } from './dockerfile/location.ts';
export { sliceLogical, sourceOffset, sourcePieces, sourceRange } from './dockerfile/logical.ts';
export type {
  Directive,
  Dockerfile,
  Flag,
  Heredoc,
  Instruction,
  LogicalText,
  Range,
  Stage,
  TextEdit,
  Word,
} from './dockerfile/model.ts';
export { type MountField, readMount } from './dockerfile/mounts.ts';
export { type ParseOptions, parseDockerfile } from './dockerfile/parse.ts';
export { platformArgs } from './dockerfile/platform-args.ts';
export { retargetBase } from './dockerfile/retarget-base.ts';
export {
  type BaseStyle,
  type ImageMapping,
  type Retargeted,
  type RetargetOptions,
  retargetReference,
} from './dockerfile/retarget-reference.ts';
export {
  type ArgDefinition,
  argDefinitions,
  type ExpandedWord,
  editExpanded,
  expandIn,
  globalScope,
  type Origin,
  originOf,
  type Scope,
  type ScopeOptions,
  scopeAt,
  sliceWord,
  type Variable,
} from './dockerfile/scope.ts';
export { nearestName } from './dockerfile/spelling.ts';
export {
  type StageDependency,
  stageDependencies,
  stageGraph,
  targetStage,
} from './dockerfile/stage-graph.ts';
export {
  type Environment,
  type ExpandOptions,
  type Expansion,
  expandWord,
  expandWords,
  type Segment,
} from './dockerfile/words.ts';
export {
  type BinfmtEntry,
  binfmtDirectory,
  chooseBinfmt,
  parseBinfmtEntry,
  readBinfmtEntries,
} from './emulation/binfmt.ts';
export type { Emulation } from './emulation/emulation.ts';
export { findQemu, type QemuRequest, qemuDirectories } from './emulation/qemu.ts';
export * from './engines/index.ts';
export type { BuildEvent, OnBuildEvent } from './events.ts';
export { type BuiltImage, finishImage } from './finish/finish.ts';
export type { FinishOptions } from './finish/finish-options.ts';
export {
  type ArchToken,
  archTokens,
  nameIn,
  type Vocabulary,
  vocabulariesOf,
  vocabularyNames,
  x86Names,
} from './knowledge/architecture-names.ts';
export { type ChecksumAlgorithm, type ChecksumQuery, findChecksum } from './knowledge/checksum-files.ts';
export {
  type AbsentAsset,
  type AssetChecksums,
  type AssetMatch,
  type AssetName,
  type AssetSpan,
  matchAsset,
  matchAssetName,
} from './knowledge/download-assets.ts';
export { officialNamespace, platformOfArchitecture, readNamespace } from './knowledge/namespaces.ts';
export { isOfficialImage, officialImagePlatforms, officialTagsWith } from './knowledge/official-images.ts';
export { suggestTag } from './knowledge/suggest-tag.ts';
export { isLockFile, readLockFile } from './lockfiles/read-lockfile.ts';
export { type Memory, openMemory } from './memory.ts';
export {
  fixDockerfile,
  type MigratedDockerfile,
  type MigrateOptions,
  type Migration,
  type MigrationStyle,
  migrateDockerfile,
} from './migrate.ts';
export { chooseBuilder } from './plan/choose-builder.ts';
export type { BuildPlan, BuildTask, PlannedBase, Strategy } from './plan/plan.ts';
export { planBuild } from './plan/plan-build.ts';
export type { PlannedBuild, PlannedTask, PlanRequest, PlanWorld } from './plan/plan-request.ts';
export {
  type FetchableProgram,
  type FetchProgramsRequest,
  fetchPrograms,
  type ProgramFiles,
  programsIn,
} from './programs/fetch-programs.ts';
export {
  type Finding,
  type FixKind,
  type ImageFacts,
  isMadeUnasked,
  optInRules,
  type Rule,
  type RuleContext,
  type RulePage,
  recommendedRules,
  type Severity,
} from './rules/index.ts';
export { isBakeFile, readBake } from './services/bake/bake.ts';
export { isComposeFile, readCompose } from './services/compose.ts';
export type { ServiceFile } from './services/compose-files.ts';
export { readEnvFile } from './services/interpolate.ts';
export type { ReadServicesOptions, ServiceBuild, ServiceReading } from './services/service.ts';
export { serviceRules } from './services/service-rules.ts';
export {
  type BaseOptions,
  type BasePin,
  type Emulator,
  type PreparedDockerfile,
  type PrepareOptions,
  prepareDockerfile,
  runsOnTarget,
  syntaxImage,
  wantedImages,
} from './transforms/index.ts';
