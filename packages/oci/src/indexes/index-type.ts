import type { Descriptor } from '../descriptor.ts';
import { digestOf } from '../digest.ts';
import { MabuildError } from '../error.ts';
import type { ImageIndex } from '../manifest.ts';
import { isIndexType, mediaTypes } from '../media-type.ts';
import { isImageEntry } from './index-entry.ts';

/** The OCI's index, or Docker's manifest list. */
export type IndexType = 'oci' | 'docker';

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
 * Writes an index as a document.
 *
 * @param type by default what the index says it is, else what its images are: Docker's list for Docker's images
 * @throws MabuildError `MIXED_MEDIA_TYPES` when a manifest list shall hold what is not Docker's, or when nobody said what
 *   an index of Docker's and the OCI's images shall be
 */
export function describeIndex(index: ImageIndex, type?: IndexType): DescribedDocument {
  const chosen = type ?? typeOfIndex(index);
  const mediaType = chosen === 'docker' ? mediaTypes.dockerManifestList : mediaTypes.ociIndex;
  if (chosen === 'docker') checkManifestList(index);
  const { schemaVersion, mediaType: _, manifests, ...others } = index;
  return describe({ schemaVersion, mediaType, manifests, ...others }, mediaType);
}

function typeOfIndex(index: ImageIndex): IndexType {
  const { mediaType = '' } = index;
  if (isIndexType(mediaType)) return mediaType === mediaTypes.dockerManifestList ? 'docker' : 'oci';
  const images = index.manifests.filter(isImageEntry);
  const docker = images.filter((entry) => entry.mediaType === mediaTypes.dockerManifest);
  if (docker.length > 0 && docker.length < images.length) {
    const other = images.find((entry) => entry.mediaType !== mediaTypes.dockerManifest);
    throw new MabuildError(
      `joining an index: ${docker[0]?.digest} is in Docker's format, ${other?.digest} in the OCI's`,
      {
        code: 'MIXED_MEDIA_TYPES',
        hint: 'name the type: an OCI index (--index-type oci) holds both, a manifest list does not',
      },
    );
  }
  return docker.length > 0 && docker.length === index.manifests.length ? 'docker' : 'oci';
}

function checkManifestList(index: ImageIndex): void {
  const foreign = index.manifests.find((entry) => entry.mediaType !== mediaTypes.dockerManifest);
  if (foreign !== undefined) {
    throw new MabuildError(
      `joining a manifest list: it cannot hold ${foreign.digest}, which is ${foreign.mediaType}`,
      {
        code: 'MIXED_MEDIA_TYPES',
        hint: "make an OCI index (--index-type oci), or Docker's manifests",
      },
    );
  }
  const field = (['annotations', 'subject', 'artifactType'] as const).find((name) => index[name]);
  if (field !== undefined) {
    throw new MabuildError(`joining a manifest list: Docker's format has no ${field}`, {
      code: 'MIXED_MEDIA_TYPES',
      hint: 'make an OCI index (--index-type oci)',
    });
  }
}
