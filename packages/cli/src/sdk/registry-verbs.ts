import {
  type Descriptor,
  formatReference,
  type ImageSource,
  isAttestation,
  isIndexType,
  type Platform,
  parseImageIndex,
  parseImageManifest,
  parseReference,
  readDocument,
  type VerifyReport,
  verifyImage,
} from '@mabuild/oci';
import { type InspectReport, inspectSource, platformManifest } from './inspect.ts';
import { readPlatforms } from './platforms.ts';
import type { SdkOptions } from './toolbox.ts';
import { withReference } from './with-reference.ts';

/**
 * Reads platforms, digests and sizes of an image, and its top manifest's own bytes.
 * @throws MabuildError `INVALID_REFERENCE`, `IMAGE_NOT_FOUND`, `REGISTRY_…`
 */
export async function inspectImage(
  text: string,
  options: SdkOptions = {},
): Promise<{ readonly report: InspectReport; readonly raw: Uint8Array }> {
  return withReference(text, options, async ({ reference, source }) => ({
    report: await inspectSource(formatReference(reference), source, options),
    raw: await readDocument(source, source.root, options),
  }));
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

export interface VerifyRequest {
  readonly reference: string;
  /** One that the image lacks is a problem of the report. @default all */
  readonly platforms?: readonly (string | Platform)[] | undefined;
  /** The base whose layers are left out. */
  readonly base?: string | undefined;
}

/**
 * Checks that every platform of an image is what it says.
 * @throws MabuildError `IMAGE_NOT_FOUND`, `INVALID_PLATFORM`, `REGISTRY_…`; a lying image is a report, no error
 */
export async function verifyReference(
  request: VerifyRequest,
  options: SdkOptions = {},
): Promise<VerifyReport> {
  return withReference(request.reference, options, async ({ source, registry }) => {
    const base =
      request.base === undefined ? undefined : await registry.resolve(parseReference(request.base), options);
    return verifyImage(source, {
      ...(request.platforms ? { platforms: readPlatforms(request.platforms) } : {}),
      ...(base ? { baseLayers: await layersOf(base, options) } : {}),
      signal: options.signal,
    });
  });
}

async function layersOf(source: ImageSource, options: SdkOptions): Promise<ReadonlySet<string>> {
  const layers = new Set<string>();
  for (const child of await imagesOf(source, options)) {
    const manifest = parseImageManifest(await readDocument(source, child, options));
    for (const layer of manifest.layers) layers.add(layer.digest);
  }
  return layers;
}

async function imagesOf(source: ImageSource, options: SdkOptions): Promise<readonly Descriptor[]> {
  if (!isIndexType(source.root.mediaType)) return [source.root];
  const index = parseImageIndex(await readDocument(source, source.root, options));
  return index.manifests.filter((entry) => !isAttestation(entry));
}
