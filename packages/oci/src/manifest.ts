import { isAttestation } from './attestation.ts';
import type { Descriptor } from './descriptor.ts';
import type { Platform } from './platform.ts';
import { choosePlatform, type PlatformMatchOptions } from './platform-match.ts';

export { isAttestation };

/** OCI image-spec "Image Manifest", and Docker's schema 2, which has the same shape. */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** OCI image-spec "Image Index", and Docker's manifest list. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** OCI image-spec "Image Configuration". Fields that are not listed are kept when a config is rewritten. */
export interface ImageConfig extends Platform {
  readonly created?: string;
  readonly author?: string;
  readonly config?: ContainerConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history?: readonly HistoryEntry[];
  readonly [field: string]: unknown;
}

/** What a container of the image runs with by default. */
export interface ContainerConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly Shell?: readonly string[] | null;
  readonly OnBuild?: readonly string[] | null;
  readonly [field: string]: unknown;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** Chooses the entry of an index that suits `host` best; attestations are never chosen. */
export function chooseManifest(
  index: ImageIndex,
  host: Platform,
  options: PlatformMatchOptions = {},
): Descriptor | undefined {
  const platforms = index.manifests.map((entry) => (isAttestation(entry) ? undefined : entry.platform));
  const chosen = choosePlatform(platforms, host, options);
  return chosen === undefined ? undefined : index.manifests[chosen];
}

/** The platform that an image's configuration states. */
export function configPlatform(config: ImageConfig): Platform {
  const { os, architecture, variant } = config;
  return {
    os,
    architecture,
    ...(variant === undefined || variant === '' ? {} : { variant }),
    ...(config['os.version'] === undefined ? {} : { 'os.version': config['os.version'] }),
    ...(config['os.features'] === undefined ? {} : { 'os.features': config['os.features'] }),
  };
}
