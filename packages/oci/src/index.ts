export type { Credential, CredentialSource } from './credential-source.ts';
export type { Descriptor } from './descriptor.ts';
export { isMabuildError, MabuildError, type MabuildErrorOptions, type SourceLocation } from './error.ts';
export type { ImageSink, OpenBody, PutOptions, TagOptions } from './image-sink.ts';
export type { CallOptions, ImageResolver, ImageSource } from './image-source.ts';
export type { ContainerConfig, HistoryEntry, ImageConfig, ImageIndex, ImageManifest } from './manifest.ts';
export { isIndexType, isManifestType, mediaTypes } from './media-type.ts';
export { formatPlatform, type Platform, parsePlatform } from './platform.ts';
export { familiarReference, formatReference, type ImageReference, parseReference } from './reference.ts';
