import { type Platform, readDocument } from '@mabuild/oci';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { formatLocation, parseLocation } from './image-location.ts';
import { type InspectReport, inspectSource, platformManifest } from './inspect.ts';
import { withLocations } from './locations.ts';
import { withReference } from './with-reference.ts';

/**
 * Reads platforms, digests and sizes of an image, and its top manifest's own bytes.
 * @param text a reference; or `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`, `docker:IMAGE`
 * @throws MabuildError `INVALID_REFERENCE`, `IMAGE_NOT_FOUND`, `LAYOUT_INVALID`, `ARCHIVE_INVALID`, `REGISTRY_…`
 */
export async function inspectImage(
  text: string,
  options: SdkOptions = {},
): Promise<{ readonly report: InspectReport; readonly raw: Uint8Array }> {
  const location = parseLocation(text);
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async ({ open }) => {
      const source = await open(location);
      return {
        report: await inspectSource(formatLocation(location), source, options),
        raw: await readDocument(source, source.root, options),
      };
    }),
  );
}

/**
 * The digest that a name stands for, or that of one platform's manifest.
 * @throws MabuildError `PLATFORM_MISSING`, `IMAGE_NOT_FOUND`, `REGISTRY_…`
 */
export async function digestOfReference(
  request: { readonly reference: string; readonly platform?: Platform | undefined },
  options: SdkOptions = {},
): Promise<string> {
  const { platform } = request;
  return withReference(request.reference, options, async ({ reference, source }) => {
    if (!platform) return source.root.digest;
    return (await platformManifest(source, platform, { reference, signal: options.signal })).digest;
  });
}
