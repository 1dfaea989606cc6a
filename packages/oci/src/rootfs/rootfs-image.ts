import { Readable } from 'node:stream';
import type { ImageSource } from '../image-source.ts';
import { describe } from '../indexes/image-index.ts';
import type { ContainerConfig } from '../manifest.ts';
import { mediaTypes } from '../media-type.ts';
import { normalizePlatform, type Platform } from '../platform.ts';
import { withRoot } from '../sources.ts';
import type { RootfsLayer } from './rootfs.ts';

export interface RootfsImageRequest {
  readonly layer: RootfsLayer;
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  /** Where the files come from, for the history. */
  readonly comment: string;
  /** @default nothing but the usual PATH */
  readonly config?: ContainerConfig | undefined;
}

/** What Linux has; builds expand it in `ENV PATH=$PATH:/opt/bin`. */
const usualPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes a root filesystem an image of one layer: OCI image-spec, "Image Configuration" and "Image Manifest". */
export function rootfsImage(request: RootfsImageRequest): ImageSource {
  const { layer, created } = request;
  const platform = normalizePlatform(request.platform);
  const config = describe(
    {
      created,
      ...platform,
      config: withPath(request.config ?? {}, platform),
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
      history: [{ created, created_by: 'mabuild import', comment: request.comment }],
    },
    mediaTypes.ociConfig,
  );
  const manifest = describe(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    },
    mediaTypes.ociManifest,
  );
  const described = { ...manifest, descriptor: { ...manifest.descriptor, platform } };
  const blobs: ImageSource = {
    root: layer.descriptor,
    read: ({ digest }) =>
      digest === config.descriptor.digest
        ? Promise.resolve(Readable.from([config.bytes], { objectMode: false }))
        : layer.open(),
  };
  return withRoot(described, [blobs]);
}

function withPath(config: ContainerConfig, { os }: Platform): ContainerConfig {
  const environment = config.Env ?? [];
  return os === 'linux' && !environment.some((variable) => variable.startsWith('PATH='))
    ? { ...config, Env: [usualPath, ...environment] }
    : config;
}
