import { isAttestation } from '../attestation.ts';
import type { Descriptor } from '../descriptor.ts';
import { MabuildError } from '../error.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import { configPlatform } from '../manifest.ts';
import { isConfigType, isIndexType, isManifestType } from '../media-type.ts';
import { parseImageConfig, parseImageIndex, parseImageManifest } from '../parse-manifest.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../platform.ts';
import { readDocument } from '../read-document.ts';
import { isImageEntry } from './index-entry.ts';

export interface IndexEntriesOptions extends CallOptions {
  /** What the source's only image is for, whatever it says itself. */
  readonly platform?: Platform | undefined;
  /** Whether an entry that names another platform than its config does is refused. @default true */
  readonly verify?: boolean | undefined;
}

const deepestIndex = 4;
const mostIndexes = 100;
/** Images whose manifests and configs are read at a time. */
const readAtOnce = 16;

/**
 * What a source brings to an index: its image, or, since indexes are always flattened, the images and attestations of its
 * index and the indexes therein.
 *
 * An entry stays as it is; what its platform leaves out (variant, version and features of the system) comes from the
 * config, and 32-bit ARM always has its variant. An image that is in no index gets its config's platform.
 * @throws MabuildError `PLATFORM_MISSING` when an image states no platform, or `platform` was given for several;
 *   `VERIFICATION_FAILED` when entry and config name two platforms; what `source.read` throws
 */
export async function readIndexEntries(
  source: ImageSource,
  options: IndexEntriesOptions = {},
): Promise<readonly Descriptor[]> {
  const { mediaType, digest, size, platform } = source.root;
  const root = { mediaType, digest, size, ...(platform && { platform }) };
  const found = await entriesBelow(source, root, options);
  const single = options.platform && theOnlyImage(found, source.root);
  const complete = async (entry: Descriptor): Promise<Descriptor> => {
    if (entry === single) return { ...entry, platform: normalizePlatform(options.platform!) };
    if (isAttestation(entry)) return entry;
    return withPlatform(source, entry, entry.digest === root.digest, options);
  };
  const entries: Descriptor[] = [];
  while (entries.length < found.length) {
    const next = found.slice(entries.length, entries.length + readAtOnce);
    entries.push(...(await Promise.all(next.map(complete))));
  }
  return entries;
}

/** The one image that a platform given by hand is for. */
function theOnlyImage(entries: readonly Descriptor[], root: Descriptor): Descriptor {
  const images = entries.filter((entry) => !isAttestation(entry));
  const [only] = images;
  if (only && images.length === 1) return only;
  throw new MabuildError(`${root.digest} is an index of ${images.length} images, which have platforms each`, {
    code: 'PLATFORM_MISSING',
    hint: 'give a platform by hand to a single image, e.g. by its digest',
  });
}

/**
 * Every image and attestation below an index, each once, in the order of the documents; of an image, itself.
 * @throws MabuildError `INVALID_INDEX` when indexes lie within indexes without end; what `source.read` throws
 */
export async function entriesBelow(
  source: ImageSource,
  root: Descriptor,
  options: CallOptions = {},
): Promise<readonly Descriptor[]> {
  const found = new Map<string, Descriptor>();
  const read = new Set<string>();
  const walk = async (entry: Descriptor, depth: number): Promise<void> => {
    if (!isIndexType(entry.mediaType)) {
      found.set(`${entry.digest} ${entry.platform ? formatPlatform(entry.platform) : ''}`, entry);
      return;
    }
    if (read.has(entry.digest)) return;
    read.add(entry.digest);
    if (depth >= deepestIndex || read.size > mostIndexes) {
      throw new MabuildError(`reading ${root.digest}: ${read.size} indexes within indexes, ${depth} deep`, {
        code: 'INVALID_INDEX',
        hint: 'this is no index of images, or made to mislead',
      });
    }
    const { manifests } = parseImageIndex(await readDocument(source, entry, options), { of: entry.digest });
    for (const child of manifests) await walk(child, depth + 1);
  };
  await walk(root, 0);
  return [...found.values()];
}

async function withPlatform(
  source: ImageSource,
  entry: Descriptor,
  isRoot: boolean,
  options: IndexEntriesOptions,
): Promise<Descriptor> {
  if (!isManifestType(entry.mediaType) || (entry.platform && !isImageEntry(entry))) return entry;
  const manifest = parseImageManifest(await readDocument(source, entry, options), { of: entry.digest });
  if (!isConfigType(manifest.config.mediaType)) {
    // An artifact runs nowhere; in an index it may be all the same.
    if (entry.platform !== undefined || !isRoot) return entry;
    throw new MabuildError(`${entry.digest} is an artifact (${manifest.config.mediaType}), no image`, {
      code: 'PLATFORM_MISSING',
      hint: 'name an image, or give it a platform by hand (--platform-of)',
    });
  }
  const bytes = await readDocument(source, manifest.config, options);
  const stated = configPlatform(parseImageConfig(bytes, { of: entry.digest }));
  if (entry.platform === undefined) {
    if (isNamed(stated)) return { ...entry, platform: normalizePlatform(stated) };
    if (!isRoot) return entry;
    throw new MabuildError(`the config of ${entry.digest} names no platform`, {
      code: 'PLATFORM_MISSING',
      hint: 'give it a platform by hand (--platform-of), if it is an image',
    });
  }
  return { ...entry, platform: completed(entry.platform, stated, entry, options) };
}

/** Signatures have configs of images, which name nothing. */
function isNamed({ os, architecture }: Platform): boolean {
  return ![os, architecture].some((name) => name === '' || name === 'unknown');
}

/** The platform as the entry has it, and from the config what the entry leaves out. */
function completed(
  platform: Platform,
  stated: Platform,
  { digest }: Descriptor,
  { verify = true }: IndexEntriesOptions,
): Platform {
  const [entry, config] = [normalizePlatform(platform), normalizePlatform(stated)];
  const same = entry.os === config.os && entry.architecture === config.architecture;
  const contradicted = platform.variant && stated.variant && entry.variant !== config.variant;
  if (verify && (!same || contradicted)) {
    throw new MabuildError(
      `${digest} is listed for ${formatPlatform(entry)}, and its config says ${formatPlatform(config)}`,
      {
        code: 'VERIFICATION_FAILED',
        hint: 'build it for its platform, or take it as it is with --no-verify',
      },
    );
  }
  if (!same) return withVariant(platform);
  const { variant, 'os.version': version, 'os.features': features } = config;
  return withVariant({
    ...platform,
    ...(!platform.variant && variant !== undefined && { variant }),
    ...(!platform['os.version'] && version !== undefined && { 'os.version': version }),
    ...(!platform['os.features']?.length && features !== undefined && { 'os.features': features }),
  });
}

/** Usual names for what comes without them; `linux/arm` is `linux/arm/v7`. */
function withVariant(platform: Platform): Platform {
  const normal = normalizePlatform(platform);
  const usual = platform.os === normal.os && platform.architecture === normal.architecture;
  return usual && (platform.variant || normal.variant === undefined) ? platform : normal;
}
