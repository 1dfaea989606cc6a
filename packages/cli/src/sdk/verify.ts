import { type Platform, type VerifyReport, verifyImage, verifyRun } from '@mabuild/oci';
import { baseLookup } from './base-layers.ts';
import { readPlatforms } from './platforms.ts';
import type { SdkOptions } from './toolbox.ts';
import { withReference } from './with-reference.ts';

export interface VerifyRequest {
  readonly reference: string;
  /** One that the image lacks is a problem of the report. @default all */
  readonly platforms?: readonly (string | Platform)[] | undefined;
  /**
   * The base whose layers are left out.
   * @default what the image's annotations `org.opencontainers.image.base.name` and `.digest` name
   */
  readonly base?: string | undefined;
  /** Manifests, configs and layers that are read at a time. @default 4 */
  readonly jobs?: number | undefined;
}

/**
 * Checks that every platform of an image is what it says.
 * @throws MabuildError `IMAGE_NOT_FOUND`, `INVALID_PLATFORM`, `REGISTRY_…`; a lying image is a report, no error
 */
export async function verifyReference(
  { reference: text, platforms, base, jobs }: VerifyRequest,
  options: SdkOptions = {},
): Promise<VerifyReport> {
  return withReference(text, options, ({ reference, source, registry }) =>
    verifyImage(source, {
      platforms: platforms && readPlatforms(platforms),
      baseOf: baseLookup({ image: reference, base, registry }, options),
      run: verifyRun({ jobs }),
      signal: options.signal,
    }),
  );
}
