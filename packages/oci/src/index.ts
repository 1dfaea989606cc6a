export { attestationSubject, isAttestation } from './attestation.ts';
export { type CopyItem, type CopyOptions, copyBlobs, copyImage, copyImages } from './copy.ts';
export { credentialKeys, dockerHubAddress, isDockerHub } from './credential-keys.ts';
export type { Credential, CredentialOptions, CredentialSource } from './credential-source.ts';
export { type Descriptor, parseDescriptor } from './descriptor.ts';
export {
  type DigestAlgorithm,
  type DigestStream,
  digestOf,
  digestStream,
  isDigest,
  isVerifiableDigest,
  type ParsedDigest,
  parseDigest,
  verifyBytes,
  verifyingStream,
} from './digest.ts';
export { isDiskFull } from './disk-full.ts';
export { parseElf } from './elf/elf.ts';
export { type ElfBytes, elfBytesOf, isElf } from './elf/elf-bytes.ts';
export { type ElfFacts, elfMachineName } from './elf/elf-facts.ts';
export { isMabuildError, MabuildError, type MabuildErrorOptions, type SourceLocation } from './error.ts';
export type { PushEvent } from './events.ts';
export type { GrowingBlob, ImageSink, OpenBody, PutOptions, TagOptions } from './image-sink.ts';
export type { CallOptions, ImageResolver, ImageSource, ReadOptions } from './image-source.ts';
export { type MakeIndexOptions, makeIndex } from './indexes/image-index.ts';
export { type AddToIndexOptions, addToIndex, emptyIndex } from './indexes/index-add.ts';
export { type AnnotationChanges, annotateIndex } from './indexes/index-annotate.ts';
export { entriesBelow, type IndexEntriesOptions, readIndexEntries } from './indexes/index-entries.ts';
export { type ImageEntry, imagesFor, isImageEntry, platformKey } from './indexes/index-entry.ts';
export { filterIndex, removeFromIndex, removeImages, withoutAttestations } from './indexes/index-remove.ts';
export { type DescribedDocument, describe, describeIndex, type IndexType } from './indexes/index-type.ts';
export { type IndexPart, joinSources } from './indexes/joined-source.ts';
export {
  type ContainerConfig,
  chooseManifest,
  configPlatform,
  type HistoryEntry,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
} from './manifest.ts';
export {
  isConfigType,
  isForeignLayerType,
  isIndexType,
  isLayerType,
  isManifestType,
  isMediaType,
  mediaTypes,
} from './media-type.ts';
export { type FinalLayer, type MutatedImage, type MutateRequest, mutateImage } from './mutate.ts';
export {
  longestConfig,
  longestManifest,
  type ParseDocumentOptions,
  type ParsedManifest,
  parseAnyManifest,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
} from './parse-manifest.ts';
export { isKnownPlatform, parsePlatform, parsePlatformList } from './parse-platform.ts';
export {
  formatPlatform,
  formatPlatformDetails,
  formatPlatformList,
  normalizePlatform,
  type Platform,
  platformsEqual,
} from './platform.ts';
export { choosePlatform, type PlatformMatchOptions, platformSatisfies } from './platform-match.ts';
export { readDocument } from './read-document.ts';
export {
  familiarReference,
  formatReference,
  type ImageReference,
  parseReference,
  referenceName,
  withDigest,
  withTag,
} from './reference.ts';
export { changeReferrersTag, type ReferrersChange, referrerDescriptor, referrersTag } from './referrers.ts';
export { type RootfsLayer, readRootfs } from './rootfs/rootfs.ts';
export { type RootfsImageRequest, rootfsImage } from './rootfs/rootfs-image.ts';
export { type ProgramsPlatform, platformsOfPrograms } from './rootfs/rootfs-platform.ts';
export { withRoot } from './sources.ts';
export { BlobStore, type StoredBlob, type StoreOptions } from './stores/blob-store.ts';
export { dockerArchive, type OpenDockerArchiveOptions, openDockerArchive } from './stores/docker-archive.ts';
export { createLayoutSink, layoutTags, openLayout } from './stores/layout.ts';
export { type Memory, openMemory } from './stores/memory.ts';
export {
  type ArchiveSink,
  createOciArchiveSink,
  ociArchive,
  ociArchiveTags,
  openOciArchive,
} from './stores/oci-archive.ts';
export { placeFile, placeStream, unfinishedFiles } from './stores/place-file.ts';
export { isLeftBehind, processName, processNamePattern } from './stores/process-name.ts';
export { type Compression, compressionOf, decompressed, layerCompressionOf } from './tar/decompress.ts';
export {
  type EmulatorPlace,
  type FolderFacts,
  filterLayer,
  foldersOfLayer,
  type LayerFilter,
  type LayerFilterResult,
} from './tar/filter-layer.ts';
export { flattenImage } from './tar/flatten.ts';
export { type PackEntry, packTar, readTarEntries, type TarEntry, type TarEntryType } from './tar/tar.ts';
export { safeEntryPath } from './tar/tar-path.ts';
export { readTarRecords, type TarRecord } from './tar/tar-records.ts';
export { judgeImage } from './verify/judge-image.ts';
export {
  type ElfFile,
  emptyLayerFacts,
  isLayerFacts,
  type LayerFacts,
  type LinkFile,
  type ScriptFile,
} from './verify/layer-facts.ts';
export { scanLayer } from './verify/scan-layer.ts';
export type { JudgedImage, JudgedLayer } from './verify/trial.ts';
export type { Verdict, VerifyNote, VerifyProblem } from './verify/verdict.ts';
export { verifyImage } from './verify/verify.ts';
export type { RememberedLayers } from './verify/verify-layers.ts';
export { baseDigestAnnotation, baseNameAnnotation } from './verify/verify-manifest.ts';
export type { BaseLayers, ImageOfBase, VerifyOptions } from './verify/verify-options.ts';
export type { VerifiedImage, VerifyReport } from './verify/verify-report.ts';
export { type VerifyRun, type VerifyRunOptions, verifyRun } from './verify/verify-run.ts';
