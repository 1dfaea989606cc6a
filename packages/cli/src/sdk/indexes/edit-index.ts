import {
  type AnnotationChanges,
  addToIndex,
  annotateIndex,
  type CallOptions,
  describeIndex,
  emptyIndex,
  type ImageIndex,
  type ImageSource,
  type IndexPart,
  type IndexType,
  imagesFor,
  isIndexType,
  joinSources,
  MabuildError,
  type Platform,
  parseImageIndex,
  readDocument,
  readIndexEntries,
  removeFromIndex,
  removeImages,
} from '@mabuild/oci';
import { type Locations, withLocations } from '../images/locations.ts';
import { readPlatforms } from '../platforms.ts';
import { withToolbox } from '../toolbox.ts';
import {
  asIndexSource,
  describeChanged,
  editOptions,
  type IndexOptions,
  type IndexWriteRequest,
} from './create-index.ts';
import { type ChangeTag, editTag, type Overwritten } from './edit-tag.ts';
import { describeResult, type IndexResult } from './index-result.ts';
import {
  type IndexSource,
  type IndexSourceOptions,
  type OriginalIndex,
  openIndexSources,
} from './index-sources.ts';
import { type IndexTarget, openIndexTarget } from './index-target.ts';

export interface AddToIndexRequest extends IndexWriteRequest, IndexSourceOptions {
  /** The tag to add to, a reference or `oci:DIR[:TAG]`; there may be nothing yet, or a single image. */
  readonly destination: string;
  readonly sources: readonly (string | IndexSource)[];
  /** Whether images of the tag give way to added ones for their platforms. @default false */
  readonly replace?: boolean | undefined;
}

/**
 * Adds images to the index that a tag points at; two processes may do so at once.
 * @throws MabuildError `DUPLICATE_PLATFORM`, `REGISTRY_TAG_MOVED`, and what `createImageIndex` throws
 */
export async function addToImageIndex(
  request: AddToIndexRequest,
  options: IndexOptions = {},
): Promise<IndexResult> {
  return editIndex(request, options, async (locations) => {
    const { parts, entries } = await openIndexSources(request.sources.map(asIndexSource), locations, {
      ...request,
      signal: options.signal,
    });
    // What is replaced was there in the beginning: what somebody else adds meanwhile is not.
    let replaceable: ReadonlySet<string> | undefined;
    return {
      parts,
      change: ({ manifests, ...others }) => {
        replaceable ??= new Set(request.replace ? manifests.map(({ digest }) => digest) : []);
        const known = replaceable;
        return addToIndex({ ...others, manifests }, entries, { replace: ({ digest }) => known.has(digest) });
      },
    };
  });
}

export interface RemoveFromIndexRequest extends IndexWriteRequest {
  readonly destination: string;
  readonly platforms: readonly (string | Platform)[];
}

/**
 * Takes platforms, with their attestations, out of the index that a tag points at; nothing is deleted.
 * @throws MabuildError `PLATFORM_MISSING`, `INDEX_EMPTY`, `IMAGE_NOT_FOUND`, `INVALID_INDEX` for an image in no index,
 *   `REGISTRY_TAG_MOVED`
 */
export async function removeFromImageIndex(
  request: RemoveFromIndexRequest,
  options: IndexOptions = {},
): Promise<IndexResult> {
  const platforms = readPlatforms(request.platforms);
  let unwanted: ReadonlySet<string> | undefined;
  return editPresentIndex(request, options, (index) => {
    if (unwanted) {
      const known = unwanted;
      return removeImages(index, ({ digest }) => known.has(digest));
    }
    unwanted = new Set(
      platforms.flatMap((platform) => imagesFor(index, platform).map(({ digest }) => digest)),
    );
    return removeFromIndex(index, platforms);
  });
}

export interface AnnotateIndexRequest extends IndexWriteRequest {
  readonly destination: string;
  /** Whose entry is annotated. @default the index itself */
  readonly platform?: string | Platform | undefined;
  /** `undefined` takes an annotation away. */
  readonly annotations: AnnotationChanges;
}

/**
 * Annotates the index that a tag points at, or its entry for a platform; the images stay as they are.
 * @throws MabuildError `PLATFORM_MISSING`, `IMAGE_NOT_FOUND`, `INVALID_INDEX` for an image in no index,
 *   `MIXED_MEDIA_TYPES` for a manifest list, `REGISTRY_TAG_MOVED`
 */
export async function annotateImageIndex(
  request: AnnotateIndexRequest,
  options: IndexOptions = {},
): Promise<IndexResult> {
  const [platform] = request.platform === undefined ? [] : readPlatforms([request.platform]);
  return editPresentIndex(request, options, (index) =>
    annotateIndex(index, request.annotations, { platform }),
  );
}

/** A change of an index, and what is new in it. */
interface IndexChange {
  readonly parts: readonly IndexPart[];
  change(index: ImageIndex): ImageIndex;
}

interface EditRequest extends IndexWriteRequest {
  readonly destination: string;
}

function editPresentIndex(
  request: EditRequest,
  options: IndexOptions,
  change: (index: ImageIndex) => ImageIndex,
): Promise<IndexResult> {
  return editIndex(request, options, async (_locations, target) => {
    const now = await target.read();
    if (!now) {
      throw new MabuildError(`there is no image ${target.name}`, {
        code: 'IMAGE_NOT_FOUND',
        hint: 'check the spelling of the name and the tag',
      });
    }
    if (!isIndexType(now.root.mediaType)) {
      throw new MabuildError(`${target.name} is one image, in no index`, {
        code: 'INVALID_INDEX',
        hint: `mabuild index create -t ${request.destination} ${request.destination} makes an index of it`,
      });
    }
    return { parts: [], change };
  });
}

async function editIndex(
  request: EditRequest,
  options: IndexOptions,
  prepare: (locations: Locations, target: IndexTarget) => Promise<IndexChange>,
): Promise<IndexResult> {
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async (locations) => {
      const { memory } = toolbox;
      const target = await openIndexTarget(request.destination, locations, { ...options, memory });
      const prepared = await prepare(locations, target);
      const change: ChangeTag = (now, overwritten) =>
        applied(now, overwritten, prepared, { ...options, name: target.name, type: request.indexType });
      if (request.dryRun) return describeResult(await change(await target.read(), []), []);
      const written = await editTag(target, change, editOptions(target, options));
      return describeResult(written, [{ reference: target.name, digest: written.root.digest }]);
    }),
  );
}

interface ApplyOptions extends CallOptions {
  readonly name: string;
  readonly type: IndexType | undefined;
}

/** What a tag points at, with what was overwritten put back and a change made to it. */
async function applied(
  now: ImageSource | undefined,
  overwritten: readonly Overwritten[],
  { parts, change }: IndexChange,
  options: ApplyOptions,
): Promise<ImageSource> {
  const found = await contentsOf(now, options);
  const all = [...parts, ...found.parts];
  let { index } = found;
  for (const { before, after } of overwritten) {
    const known = new Set((await contentsOf(before, options)).index.manifests.map(({ digest }) => digest));
    const theirs = await contentsOf(after, options);
    const added = theirs.index.manifests.filter(({ digest }) => !known.has(digest));
    index = addToIndex(index, added);
    all.push(...theirs.parts);
  }
  const document = found.original
    ? describeChanged(change(index), found.original, options.type)
    : describeIndex(change(index), options.type);
  return joinSources(document, all);
}

interface TagContents {
  readonly index: ImageIndex;
  readonly parts: readonly IndexPart[];
  /** Absent where there is no index yet. */
  readonly original?: OriginalIndex;
}

async function contentsOf(source: ImageSource | undefined, options: ApplyOptions): Promise<TagContents> {
  if (!source) return { index: emptyIndex, parts: [] };
  if (!isIndexType(source.root.mediaType)) {
    const entries = await readIndexEntries(source, { signal: options.signal, verify: false });
    return { index: { ...emptyIndex, manifests: entries }, parts: [{ source, entries }] };
  }
  const bytes = await readDocument(source, source.root, options);
  const index = parseImageIndex(bytes, { of: options.name });
  return {
    index,
    parts: [{ source, entries: index.manifests }],
    original: { index, bytes, descriptor: source.root },
  };
}
