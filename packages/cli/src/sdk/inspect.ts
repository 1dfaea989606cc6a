import {
  type CallOptions,
  type Descriptor,
  formatPlatform,
  formatReference,
  type ImageSource,
  isAttestation,
  isIndexType,
  MabuildError,
  type Platform,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  platformsEqual,
  readDocument,
} from '@mabuild/oci';

/** What a reference stands for, platform by platform. */
export interface InspectReport {
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly images: readonly InspectedImage[];
  readonly attestations: readonly { readonly for: string; readonly digest: string }[];
}

export interface InspectedImage {
  readonly platform: string;
  readonly digest: string;
  /** Bytes of manifest, config and layers. */
  readonly size: number;
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

/** Reads an image's manifests; layers are not touched. */
export async function inspectSource(
  reference: string,
  source: ImageSource,
  options: CallOptions = {},
): Promise<InspectReport> {
  const attestations: { for: string; digest: string }[] = [];
  let children: readonly Descriptor[] = [source.root];
  if (isIndexType(source.root.mediaType)) {
    const index = parseImageIndex(await readDocument(source, source.root, options));
    for (const entry of index.manifests) {
      const subject = entry.annotations?.['vnd.docker.reference.digest'];
      if (isAttestation(entry) && subject) attestations.push({ for: subject, digest: entry.digest });
    }
    children = index.manifests.filter((entry) => !isAttestation(entry));
  }
  const images = await Promise.all(children.map((child) => inspectImage(source, child, options)));
  return { reference, digest: source.root.digest, mediaType: source.root.mediaType, images, attestations };
}

async function inspectImage(
  source: ImageSource,
  child: Descriptor,
  options: CallOptions,
): Promise<InspectedImage> {
  const manifest = parseImageManifest(await readDocument(source, child, options));
  const platform = child.platform ?? parseImageConfig(await readDocument(source, manifest.config, options));
  const layers = manifest.layers.map(({ digest, size }) => ({ digest, size }));
  const size = child.size + manifest.config.size + layers.reduce((sum, layer) => sum + layer.size, 0);
  return { platform: formatPlatform(platform), digest: child.digest, size, layers };
}

/**
 * Says which of the required platforms an image lacks.
 * @returns the missing ones, in the order asked
 */
export function missingPlatforms(report: InspectReport, required: readonly Platform[]): readonly Platform[] {
  return required.filter(
    (wanted) => !report.images.some((image) => image.platform === formatPlatform(wanted)),
  );
}

/**
 * The manifest of one platform of an image.
 * @throws MabuildError `PLATFORM_MISSING`
 */
export async function platformManifest(
  source: ImageSource,
  platform: Platform,
  options: CallOptions & { readonly reference: Parameters<typeof formatReference>[0] },
): Promise<Descriptor> {
  if (!isIndexType(source.root.mediaType)) return source.root;
  const index = parseImageIndex(await readDocument(source, source.root, options));
  const entry = index.manifests.find((child) => child.platform && platformsEqual(child.platform, platform));
  if (entry) return entry;
  throw new MabuildError(
    `${formatReference(options.reference)} has no image for ${formatPlatform(platform)}`,
    {
      code: 'PLATFORM_MISSING',
      hint: '`mabuild inspect` lists its platforms',
    },
  );
}
