import type { Descriptor } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { MabuildError } from './error.ts';
import type { HistoryEntry, ImageConfig, ImageManifest } from './manifest.ts';
import { mediaTypes } from './media-type.ts';
import { normalizePlatform, type Platform } from './platform.ts';

/** One layer of an image as it shall be. */
export interface FinalLayer {
  /** The blob, with its size and how it is compressed. */
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
}

export interface MutateRequest {
  readonly config: ImageConfig;
  /** One per layer of `config`, in order; `undefined` drops the layer together with its history entry. */
  readonly layers: readonly (FinalLayer | undefined)[];
  readonly platform: Platform;
  /** Media types of the new manifest. @default 'oci' */
  readonly manifestType?: 'oci' | 'docker' | undefined;
  /** Times later than this become this: seconds since the epoch. */
  readonly sourceDateEpoch?: number | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A config and a manifest whose digests are right. */
export interface MutatedImage {
  readonly config: Buffer;
  readonly configDescriptor: Descriptor;
  readonly manifest: Buffer;
  /** With its platform. */
  readonly descriptor: Descriptor;
}

/** Caches that BuildKit embeds by layer number, and what the classic builder leaves of its last container. */
const layerCaches = ['moby.buildkit.cache.v0', 'moby.buildkit.cache.v1'] as const;
const leftovers = ['container', 'container_config', 'docker_version'] as const;

/**
 * Writes an image anew: layers dropped or replaced, platform corrected; whatever else the config says is kept.
 *
 * A config that need not change keeps its bytes' meaning, not their spelling: pass `original` bytes on where nothing
 * changed.
 * @throws MabuildError `INVALID_CONFIG` when layers and history do not fit together
 */
export function mutateImage(request: MutateRequest): MutatedImage {
  const { config, layers } = request;
  if (layers.length !== config.rootfs.diff_ids.length) {
    throw new MabuildError(
      `the config lists ${config.rootfs.diff_ids.length} layers, the image has ${layers.length}`,
      {
        code: 'INVALID_CONFIG',
        hint: 'the engine exported something else than it inspected; build again',
      },
    );
  }
  const kept = layers.filter((layer) => layer !== undefined);
  const dropped = kept.length < layers.length;
  const configBytes = Buffer.from(JSON.stringify(newConfig(request, kept, dropped)));
  const docker = request.manifestType === 'docker';
  const configDescriptor: Descriptor = {
    mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    digest: digestOf(configBytes),
    size: configBytes.length,
  };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
    config: configDescriptor,
    layers: kept.map(({ descriptor }) => ({
      mediaType: layerType(descriptor.mediaType, docker),
      digest: descriptor.digest,
      size: descriptor.size,
      ...(descriptor.urls ? { urls: descriptor.urls } : {}),
    })),
    ...(request.annotations && !docker ? { annotations: request.annotations } : {}),
  };
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  const platform = statedPlatform(request);
  return {
    config: configBytes,
    configDescriptor,
    manifest: manifestBytes,
    descriptor: {
      mediaType: manifest.mediaType!,
      digest: digestOf(manifestBytes),
      size: manifestBytes.length,
      platform,
    },
  };
}

function newConfig(request: MutateRequest, kept: readonly FinalLayer[], dropped: boolean): ImageConfig {
  const { config, layers, sourceDateEpoch } = request;
  const { variant: _, ...others } = config;
  const fields: Record<string, unknown> = { ...others, ...statedPlatform(request) };
  for (const name of leftovers) delete fields[name];
  if (dropped) for (const name of layerCaches) delete fields[name];
  fields.rootfs = { type: 'layers', diff_ids: kept.map((layer) => layer.diffId) };
  if (config.history) fields.history = clampHistory(keepHistory(config.history, layers), sourceDateEpoch);
  if (config.created !== undefined) fields.created = clamp(config.created, sourceDateEpoch);
  return fields as unknown as ImageConfig;
}

/** The platform as indexes spell it: arm always with its variant, arm64 without v8. */
function statedPlatform(request: MutateRequest): Platform {
  const { os, architecture, variant } = normalizePlatform(request.platform);
  const stated = variant ?? (architecture === 'arm' ? request.platform.variant : undefined);
  const { config } = request;
  return {
    os,
    architecture,
    ...(stated === undefined ? {} : { variant: stated }),
    ...(config['os.version'] === undefined ? {} : { 'os.version': config['os.version'] }),
    ...(config['os.features'] === undefined ? {} : { 'os.features': config['os.features'] }),
  };
}

/** History without the entries of dropped layers; entries and layers pair in order, empty ones aside. */
function keepHistory(
  history: readonly HistoryEntry[],
  layers: readonly (FinalLayer | undefined)[],
): readonly HistoryEntry[] {
  const filled = history.filter((entry) => !entry.empty_layer).length;
  if (filled !== layers.length) {
    if (layers.every((layer) => layer !== undefined)) return history;
    throw new MabuildError(`the history has ${filled} layers, the image ${layers.length}`, {
      code: 'INVALID_CONFIG',
      hint: 'the history cannot be shortened by the right entry; build with --keep-emulator',
    });
  }
  let layer = 0;
  return history.filter((entry) => {
    if (entry.empty_layer) return true;
    layer += 1;
    return layers[layer - 1] !== undefined;
  });
}

function clampHistory(history: readonly HistoryEntry[], epoch: number | undefined): readonly HistoryEntry[] {
  if (epoch === undefined) return history;
  return history.map((entry) =>
    entry.created === undefined ? entry : { ...entry, created: clamp(entry.created, epoch) },
  );
}

function clamp(time: string, epoch: number | undefined): string {
  if (epoch === undefined || !(Date.parse(time) > epoch * 1000)) return time;
  return new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
}

const dockerTypes: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayerGzip]: mediaTypes.dockerLayerGzip,
  [mediaTypes.ociLayer]: 'application/vnd.docker.image.rootfs.diff.tar',
  [mediaTypes.ociLayerZstd]: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
};

/** The same compression in the other vocabulary: one manifest does not mix Docker's words and the OCI's. */
function layerType(mediaType: string, docker: boolean): string {
  if (docker) return dockerTypes[mediaType] ?? mediaType;
  return Object.keys(dockerTypes).find((oci) => dockerTypes[oci] === mediaType) ?? mediaType;
}
