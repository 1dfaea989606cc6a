import type { Descriptor } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { MabuildError } from './error.ts';
import type { ImageIndex } from './manifest.ts';
import { mediaTypes } from './media-type.ts';
import { formatPlatform, normalizePlatform } from './platform.ts';

export interface MakeIndexOptions {
  /** Docker's manifest list or the OCI's index. @default 'oci' */
  readonly type?: 'oci' | 'docker' | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A document together with the descriptor that points at it. */
export interface DescribedDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** The descriptor of a document, and its bytes. */
export function describe(document: object, mediaType: string): DescribedDocument {
  const bytes = Buffer.from(JSON.stringify(document));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/**
 * Joins images in one index: OCI image-spec, "Image Index".
 *
 * @param children manifests with their platforms, in the order of the index
 * @throws MabuildError `DUPLICATE_PLATFORM`, `PLATFORM_MISSING` when a child states none, `MIXED_MEDIA_TYPES` when a
 *   manifest list shall hold OCI manifests
 */
export function makeIndex(
  children: readonly Descriptor[],
  options: MakeIndexOptions = {},
): DescribedDocument {
  const seen = new Map<string, string>();
  for (const child of children) {
    if (!child.platform) {
      throw new MabuildError(`joining an index: ${child.digest} states no platform`, {
        code: 'PLATFORM_MISSING',
        hint: 'take the platform from its config',
      });
    }
    const platform = formatPlatform(normalizePlatform(child.platform));
    const other = seen.get(platform);
    if (other !== undefined) {
      throw new MabuildError(
        `joining an index: ${platform} is there twice, as ${other} and ${child.digest}`,
        {
          code: 'DUPLICATE_PLATFORM',
          hint: 'leave one of them out',
        },
      );
    }
    seen.set(platform, child.digest);
  }
  const docker = options.type === 'docker';
  if (docker && children.some((child) => child.mediaType !== mediaTypes.dockerManifest)) {
    throw new MabuildError('joining a manifest list: it cannot hold OCI manifests', {
      code: 'MIXED_MEDIA_TYPES',
      hint: 'make an OCI index, or Docker manifests',
    });
  }
  const mediaType = docker ? mediaTypes.dockerManifestList : mediaTypes.ociIndex;
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType,
    manifests: children,
    ...(options.annotations && Object.keys(options.annotations).length > 0
      ? { annotations: options.annotations }
      : {}),
  };
  return describe(index, mediaType);
}
