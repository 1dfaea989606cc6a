import { formatReference } from '@mabuild/oci';
import { type CopyImagesOptions, type CopyResult, copyImages } from './copy-images.ts';
import type { CopyRequest } from './copy-request.ts';
import { parseLocalLocation } from './image-location.ts';
import { parseImageName } from './references.ts';

export interface PullRequest extends Pick<CopyRequest, 'platforms' | 'referrers'> {
  readonly reference: string;
  /** `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE` or `docker:IMAGE` of the engine. */
  readonly destination: string;
}

/**
 * Copies an image of a registry to this machine.
 * @throws MabuildError what {@link copyImages} throws
 */
export async function pullImage(
  { reference, destination, platforms, referrers }: PullRequest,
  options: CopyImagesOptions = {},
): Promise<CopyResult> {
  parseLocalLocation(destination, 'destination');
  // Written whole, so that Docker Hub's image `docker` is not taken for the engine.
  const source = formatReference(parseImageName(reference));
  return copyImages({ source, destination, platforms, referrers }, options);
}
