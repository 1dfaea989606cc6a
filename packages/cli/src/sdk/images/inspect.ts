import {
  attestationSubject,
  type CallOptions,
  configPlatform,
  type Descriptor,
  entriesBelow,
  formatPlatform,
  formatReference,
  type ImageReference,
  type ImageSource,
  imagesFor,
  isConfigType,
  isIndexType,
  isMabuildError,
  isManifestType,
  MabuildError,
  type Platform,
  parseAnyManifest,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  parsePlatform,
  platformsEqual,
  readDocument,
} from '@mabuild/oci';

/** What a reference stands for, platform by platform. */
export interface InspectReport {
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  /** What kind of artifact it says it is. */
  readonly artifactType?: string;
  /** The digest of what it is about, as a signature is. */
  readonly subject?: string;
  readonly images: readonly InspectedImage[];
  readonly attestations: readonly { readonly for: string; readonly digest: string }[];
}

export interface InspectedImage {
  /** Absent for an artifact that runs nowhere, such as a Helm chart. */
  readonly platform?: string;
  /** What an artifact is; absent for an image. */
  readonly artifactType?: string;
  /** The index names it, and it is not there: something deleted it. */
  readonly missing?: true;
  readonly digest: string;
  /** Bytes of manifest, config and layers. */
  readonly size: number;
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

/** Images that are read at a time. */
const readAtOnce = 16;

/** Reads an image's manifests; layers are not touched. */
export async function inspectSource(
  reference: string,
  source: ImageSource,
  options: CallOptions = {},
): Promise<InspectReport> {
  const { root } = source;
  const top = parseAnyManifest(await readDocument(source, root, options), root.mediaType);
  const { artifactType, subject } = top.kind === 'index' ? top.index : top.manifest;
  const entries = await entriesBelow(source, root, options);
  const attestations = entries.flatMap((entry) => {
    const about = attestationSubject(entry);
    return about === undefined ? [] : [{ for: about, digest: entry.digest }];
  });
  const others = entries.filter((entry) => attestationSubject(entry) === undefined);
  const images: InspectedImage[] = [];
  while (images.length < others.length) {
    const next = others.slice(images.length, images.length + readAtOnce);
    images.push(...(await Promise.all(next.map((entry) => inspectEntry(source, entry, options)))));
  }
  return {
    reference,
    digest: root.digest,
    mediaType: root.mediaType,
    ...(artifactType ? { artifactType } : {}),
    ...(subject ? { subject: subject.digest } : {}),
    images,
    attestations,
  };
}

async function inspectEntry(
  source: ImageSource,
  entry: Descriptor,
  options: CallOptions,
): Promise<InspectedImage> {
  const { digest, platform } = entry;
  const named = platform ? { platform: formatPlatform(platform) } : {};
  if (!isManifestType(entry.mediaType)) {
    return {
      ...named,
      artifactType: entry.artifactType ?? entry.mediaType,
      digest,
      size: entry.size,
      layers: [],
    };
  }
  const bytes = await readIfThere(source, entry, options);
  if (bytes === undefined) return { ...named, missing: true, digest, size: entry.size, layers: [] };
  const manifest = parseImageManifest(bytes, { of: digest });
  const layers = manifest.layers.map(({ digest, size }) => ({ digest, size }));
  const size = entry.size + manifest.config.size + layers.reduce((sum, layer) => sum + layer.size, 0);
  const isArtifact = !isConfigType(manifest.config.mediaType) || Boolean(manifest.artifactType);
  if (isArtifact) {
    return {
      ...named,
      artifactType: manifest.artifactType || manifest.config.mediaType,
      digest,
      size,
      layers,
    };
  }
  const stated = platform ? undefined : await statedPlatform(source, manifest.config, options);
  return { ...(stated ? { platform: stated } : named), digest, size, layers };
}

async function readIfThere(
  source: ImageSource,
  entry: Descriptor,
  options: CallOptions,
): Promise<Buffer | undefined> {
  try {
    return await readDocument(source, entry, options);
  } catch (error) {
    const lost = isMabuildError(error) && ['IMAGE_NOT_FOUND', 'BLOB_NOT_FOUND'].includes(error.code);
    if (lost && entry.digest !== source.root.digest) return undefined;
    throw error;
  }
}

/** The platform of a config that states one; those of signatures say nothing. */
async function statedPlatform(
  source: ImageSource,
  config: Descriptor,
  options: CallOptions,
): Promise<string | undefined> {
  const platform = configPlatform(parseImageConfig(await readDocument(source, config, options)));
  return platform.os === '' && platform.architecture === '' ? undefined : formatPlatform(platform);
}

/**
 * Says which of the required platforms an image lacks.
 * @returns the missing ones, in the order asked
 */
export function missingPlatforms(report: InspectReport, required: readonly Platform[]): readonly Platform[] {
  const found = report.images.flatMap(({ platform, missing }) => {
    try {
      return platform === undefined || missing ? [] : [parsePlatform(platform)];
    } catch {
      return [];
    }
  });
  return required.filter((wanted) => !found.some((platform) => platformsEqual(platform, wanted)));
}

/**
 * The manifest of one platform of an image.
 * @throws MabuildError `PLATFORM_MISSING`
 */
export async function platformManifest(
  source: ImageSource,
  platform: Platform,
  options: CallOptions & { readonly reference: ImageReference | string },
): Promise<Descriptor> {
  const { root } = source;
  const bytes = await readDocument(source, root, options);
  if (isIndexType(root.mediaType)) {
    try {
      return imagesFor(parseImageIndex(bytes), platform)[0]!;
    } catch (error) {
      throw isMabuildError(error) ? missing(platform, options.reference, error.hint) : error;
    }
  }
  const { config } = parseImageManifest(bytes);
  const stated = isConfigType(config.mediaType) ? await statedPlatform(source, config, options) : undefined;
  if (stated !== undefined && platformsEqual(parsePlatform(stated), platform)) return root;
  throw missing(platform, options.reference, stated ? `it has ${stated}` : 'it is no image for a platform');
}

function missing(
  platform: Platform,
  reference: ImageReference | string,
  hint: string | undefined,
): MabuildError {
  const name = typeof reference === 'string' ? reference : formatReference(reference);
  return new MabuildError(`${name} has no image for ${formatPlatform(platform)}`, {
    code: 'PLATFORM_MISSING',
    hint,
  });
}
