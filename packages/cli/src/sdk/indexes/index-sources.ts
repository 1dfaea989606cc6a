import {
  type CallOptions,
  type Descriptor,
  filterIndex,
  type ImageIndex,
  type IndexPart,
  isIndexType,
  isMabuildError,
  MabuildError,
  type Platform,
  parseImageIndex,
  readDocument,
  readIndexEntries,
  withoutAttestations,
} from '@mabuild/oci';
import { parseLocation } from '../images/image-location.ts';
import type { Locations } from '../images/locations.ts';
import { readPlatforms } from '../platforms.ts';

/** An image, or an index of images, that goes into an index. */
export interface IndexSource {
  /** A reference, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE` or `docker:IMAGE`. */
  readonly location: string;
  /** What its only image is for, whatever it says itself. */
  readonly platform?: string | Platform | undefined;
}

/** What is taken of the sources of an index. */
export interface IndexSourceOptions {
  /** @default all that they have */
  readonly platforms?: readonly (string | Platform)[] | undefined;
  /** What BuildKit says about how the images were built. @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** Refuse an image that is listed for another platform than its config names. @default true */
  readonly verify?: boolean | undefined;
}

/** Sources, opened and flattened. */
export interface OpenedSources {
  readonly parts: readonly IndexPart[];
  /** What goes into the index, in the order of the sources. */
  readonly entries: readonly Descriptor[];
  /** The document of a single source that is an index: what says the same keeps its digest. */
  readonly original?: OriginalIndex | undefined;
}

/** An index as it was found. */
export interface OriginalIndex {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly index: ImageIndex;
}

/**
 * Opens what goes into an index, and reads manifests and configs, no layers.
 * @throws MabuildError `IMAGE_NOT_FOUND`, `PLATFORM_MISSING`, `VERIFICATION_FAILED`, …, with the source's name
 */
export async function openIndexSources(
  sources: readonly IndexSource[],
  locations: Locations,
  options: IndexSourceOptions & CallOptions,
): Promise<OpenedSources> {
  const opened = await Promise.all(
    sources.map((source) => naming(source.location, () => openOne(source, locations, options))),
  );
  const all: ImageIndex = { schemaVersion: 2, manifests: opened.flatMap(({ part }) => part.entries) };
  const kept = options.attestations === 'drop' ? withoutAttestations(all) : all;
  const platforms = readPlatforms(options.platforms ?? []);
  const { manifests } = platforms.length === 0 ? kept : filterIndex(kept, platforms);
  return {
    parts: opened.map(({ part }) => part),
    entries: manifests,
    original: opened.length === 1 ? opened[0]?.original : undefined,
  };
}

async function openOne(
  { location, platform }: IndexSource,
  locations: Locations,
  options: IndexSourceOptions & CallOptions,
): Promise<{ readonly part: IndexPart; readonly original: OriginalIndex | undefined }> {
  const source = await locations.open(parseLocation(location));
  const entries = await readIndexEntries(source, {
    ...(platform !== undefined && { platform: readPlatforms([platform])[0] }),
    verify: options.verify,
    signal: options.signal,
  });
  if (!isIndexType(source.root.mediaType)) return { part: { source, entries }, original: undefined };
  const bytes = await readDocument(source, source.root, options);
  const index = parseImageIndex(bytes, { of: location });
  return { part: { source, entries }, original: { descriptor: source.root, bytes, index } };
}

async function naming<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isMabuildError(error) || error.message.includes(name)) throw error;
    throw new MabuildError(`${name}: ${error.message}`, { code: error.code, hint: error.hint, cause: error });
  }
}
