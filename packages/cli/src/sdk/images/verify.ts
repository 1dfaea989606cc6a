import { type Platform, type VerifyReport, verifyImage, verifyRun } from '@mabuild/oci';
import { readPlatforms } from '../platforms.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { baseLookup, layerFinder } from './base-layers.ts';
import { parseLocation } from './image-location.ts';
import { withLocations } from './locations.ts';

export interface VerifyRequest {
  /** A reference; or `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`, `docker:IMAGE`. */
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
  /** What else would be a note fails too. @default false */
  readonly strict?: boolean | undefined;
}

/**
 * Checks that every platform of an image is what it says.
 * @throws MabuildError `IMAGE_NOT_FOUND`, `INVALID_PLATFORM`, `LAYOUT_INVALID`, `ARCHIVE_INVALID`, `REGISTRY_…`; a lying image is a report, no error
 */
export async function verifyReference(
  { reference: text, platforms, base, jobs, strict }: VerifyRequest,
  options: SdkOptions = {},
): Promise<VerifyReport> {
  const location = parseLocation(text);
  const host = location.kind === 'registry' ? location.reference.registry : undefined;
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async ({ open, registry }) => {
      const source = await open(location);
      const report = await verifyImage(source, {
        platforms: platforms && readPlatforms(platforms),
        baseOf: baseLookup({ host, base, registry }, options),
        find:
          location.kind === 'registry'
            ? layerFinder(location.reference, registry, options)
            : async (layer) => (await source.read(layer, options)).destroy(),
        run: verifyRun({ jobs }),
        signal: options.signal,
      });
      return strict === true ? strictly(report) : report;
    }),
  );
}

/** The same report, where an image of which there is something to note is not ok. */
export function strictly({ ok, images }: VerifyReport): VerifyReport {
  const strict = images.map((image) =>
    image.artifact === true || image.notes.length === 0 ? image : { ...image, ok: false },
  );
  return { ok: ok && strict.every((image) => image.ok), images: strict };
}
