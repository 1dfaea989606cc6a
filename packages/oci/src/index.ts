export { attestationSubject, isAttestation } from './attestation.ts';
export { BlobStore, type StoredBlob, type StoreOptions } from './blob-store.ts';
export { type CopyItem, type CopyOptions, copyImage, copyImages } from './copy.ts';
export { credentialKeys, dockerHubAddress, isDockerHub } from './credential-keys.ts';
export type { Credential, CredentialOptions, CredentialSource } from './credential-source.ts';
export { type Compression, compressionOf, decompressed, layerCompressionOf } from './decompress.ts';
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
export { dockerArchive, type OpenDockerArchiveOptions, openDockerArchive } from './docker-archive.ts';
export { type ElfBytes, type ElfFacts, elfBytesOf, elfMachineName, isElf, parseElf } from './elf.ts';
export { isMabuildError, MabuildError, type MabuildErrorOptions, type SourceLocation } from './error.ts';
export type { PushEvent } from './events.ts';
export {
  type EmulatorPlace,
  type FolderFacts,
  filterLayer,
  foldersOfLayer,
  type LayerFilter,
  type LayerFilterResult,
} from './filter-layer.ts';
export { flattenImage } from './flatten.ts';
export { type MakeIndexOptions, makeIndex } from './image-index.ts';
export type { ImageSink, OpenBody, PutOptions, TagOptions } from './image-sink.ts';
export type { CallOptions, ImageResolver, ImageSource, ReadOptions } from './image-source.ts';
export { type AddToIndexOptions, addToIndex, emptyIndex } from './index-add.ts';
export { type AnnotationChanges, annotateIndex } from './index-annotate.ts';
export { entriesBelow, type IndexEntriesOptions, readIndexEntries } from './index-entries.ts';
export { type ImageEntry, imagesFor, isImageEntry, platformKey } from './index-entry.ts';
export { filterIndex, removeFromIndex, removeImages, withoutAttestations } from './index-remove.ts';
export { type DescribedDocument, describe, describeIndex, type IndexType } from './index-type.ts';
export { type IndexPart, joinSources } from './joined-source.ts';
export {
  type JudgedImage,
  type JudgedLayer,
  judgeImage,
  type Verdict,
  type VerifyNote,
  type VerifyProblem,
} from './judge-image.ts';
export {
  type ElfFile,
  emptyLayerFacts,
  isLayerFacts,
  type LayerFacts,
  type LinkFile,
  type ScriptFile,
} from './layer-facts.ts';
export { createLayoutSink, layoutTags, openLayout } from './layout.ts';
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
export { type Memory, openMemory } from './memory.ts';
export { type FinalLayer, type MutatedImage, type MutateRequest, mutateImage } from './mutate.ts';
export {
  type ArchiveSink,
  createOciArchiveSink,
  ociArchive,
  ociArchiveTags,
  openOciArchive,
} from './oci-archive.ts';
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
export { placeFile } from './place-file.ts';
export {
  choosePlatform,
  formatPlatform,
  formatPlatformDetails,
  formatPlatformList,
  isKnownPlatform,
  normalizePlatform,
  type Platform,
  type PlatformMatchOptions,
  parsePlatform,
  parsePlatformList,
  platformSatisfies,
  platformsEqual,
} from './platform.ts';
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
export { type RootfsLayer, readRootfs } from './rootfs.ts';
export { type RootfsImageRequest, rootfsImage } from './rootfs-image.ts';
export { type ProgramsPlatform, platformsOfPrograms } from './rootfs-platform.ts';
export { scanLayer } from './scan-layer.ts';
export { withRoot } from './sources.ts';
export { type PackEntry, packTar, readTarEntries, type TarEntry, type TarEntryType } from './tar.ts';
export { safeEntryPath } from './tar-path.ts';
export { readTarRecords, type TarRecord } from './tar-records.ts';
export {
  type BaseLayers,
  baseDigestAnnotation,
  baseNameAnnotation,
  type ImageOfBase,
  type VerifiedImage,
  type VerifyOptions,
  type VerifyReport,
  verifyImage,
} from './verify.ts';
export type { RememberedLayers } from './verify-layers.ts';
export { type VerifyRun, type VerifyRunOptions, verifyRun } from './verify-run.ts';
