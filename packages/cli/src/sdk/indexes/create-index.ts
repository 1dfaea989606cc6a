import type { BuildEvent } from '@mabuild/core';
import {
  addToIndex,
  annotateIndex,
  type DescribedDocument,
  type Descriptor,
  describeIndex,
  emptyIndex,
  type ImageIndex,
  type ImageSource,
  type IndexType,
  joinSources,
  mediaTypes,
  type PushEvent,
} from '@mabuild/oci';
import { type Locations, withLocations } from '../images/locations.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { type EditTagOptions, replaceTag } from './edit-tag.ts';
import { describeResult, type IndexResult } from './index-result.ts';
import {
  type IndexSource,
  type IndexSourceOptions,
  type OpenedSources,
  openIndexSources,
} from './index-sources.ts';
import { type IndexTarget, openIndexTarget, type TargetOptions } from './index-target.ts';

export interface IndexOptions extends SdkOptions, Pick<EditTagOptions, 'settle'> {
  readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined;
}

/** What is said of every index that is written. */
export interface IndexWriteRequest {
  /** @default what the images are: Docker's manifest list for Docker's images, else the OCI's index */
  readonly indexType?: IndexType | undefined;
  /** Only tell what would be written. @default false */
  readonly dryRun?: boolean | undefined;
}

export interface CreateIndexRequest extends IndexWriteRequest, IndexSourceOptions {
  /** References, or `oci:DIR[:TAG]`. */
  readonly tags: readonly string[];
  /** Images, or indexes, which are flattened; in this order. */
  readonly sources: readonly (string | IndexSource)[];
  /** Annotations of the index. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Joins images, wherever they are, in one index, and writes it under every tag; whatever a tag pointed at is replaced.
 *
 * What another repository or registry holds is mounted or copied. A single index that need not change keeps its digest.
 * @throws MabuildError `DUPLICATE_PLATFORM`, `PLATFORM_MISSING`, `MIXED_MEDIA_TYPES`, `VERIFICATION_FAILED` when entry and
 *   config name two platforms, `IMAGE_NOT_FOUND`, `REGISTRY_TAG_MOVED` when somebody else wrote the tag at the same time
 */
export async function createImageIndex(
  request: CreateIndexRequest,
  options: IndexOptions = {},
): Promise<IndexResult> {
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async (locations) => {
      const targets = await openTargets(request.tags, locations, { ...options, memory: toolbox.memory });
      const opened = await openIndexSources(request.sources.map(asIndexSource), locations, {
        ...request,
        signal: options.signal,
      });
      const source = joinSources(documentOf(opened, request), opened.parts);
      if (request.dryRun) return describeResult(source, []);
      return describeResult(source, await writeAll(targets, source, options));
    }),
  );
}

/** A source that says nothing of its platform. */
export function asIndexSource(source: string | IndexSource): IndexSource {
  return typeof source === 'string' ? { location: source } : source;
}

/** The index of what was opened. */
export function documentOf(
  { entries, original }: OpenedSources,
  request: Pick<CreateIndexRequest, 'annotations' | 'indexType'>,
): DescribedDocument {
  const given = original?.index ?? emptyIndex;
  const joined = addToIndex(emptyIndex, entries).manifests;
  const same = original !== undefined && JSON.stringify(joined) === JSON.stringify(given.manifests);
  const index: ImageIndex = same ? given : { ...given, manifests: joined };
  const annotated = annotateIndex(index, request.annotations ?? {});
  return original === undefined
    ? describeIndex(annotated, request.indexType)
    : describeChanged(annotated, original, request.indexType);
}

/** The document of an index, which keeps its bytes when it is what it was. */
export function describeChanged(
  index: ImageIndex,
  original: { readonly index: ImageIndex; readonly bytes: Buffer; readonly descriptor: Descriptor },
  type: IndexType | undefined,
): DescribedDocument {
  const { mediaType, digest, size } = original.descriptor;
  const same = { descriptor: { mediaType, digest, size }, bytes: original.bytes };
  if (index === original.index && type === undefined) return same;
  // buildah writes manifest lists of the OCI's images: such a list becomes an index when it changes.
  const isStrange =
    mediaType === mediaTypes.dockerManifestList &&
    original.index.manifests.some((entry) => entry.mediaType !== mediaTypes.dockerManifest);
  const document = describeIndex({ ...index, mediaType }, type ?? (isStrange ? 'oci' : undefined));
  return index === original.index && document.descriptor.mediaType === mediaType ? same : document;
}

/** A tag, and what it pointed at when the work began. */
export interface SeenTarget {
  readonly target: IndexTarget;
  readonly seen: Descriptor | undefined;
}

/** Opens tags, and looks at them before anything else is read: a source may be what the tag points at. */
export async function openTargets(
  tags: readonly string[],
  locations: Locations,
  options: TargetOptions,
): Promise<readonly SeenTarget[]> {
  return Promise.all(
    tags.map(async (tag) => {
      const target = await openIndexTarget(tag, locations, options);
      return { target, seen: (await target.read())?.root };
    }),
  );
}

/** Writes to every tag, unless somebody else wrote one of them since the work began. */
export async function writeAll(
  targets: readonly SeenTarget[],
  source: ImageSource,
  options: IndexOptions,
  check?: (written: ImageSource) => Promise<void>,
): Promise<IndexResult['references']> {
  for (const { target } of check ? targets : []) await check?.(await target.put(source));
  return Promise.all(
    targets.map(async ({ target, seen }) => {
      await replaceTag(target, source, seen, editOptions(target, options));
      return { reference: target.name, digest: source.root.digest };
    }),
  );
}

/** How a tag is edited, and what is told of it. */
export function editOptions(target: IndexTarget, options: IndexOptions): EditTagOptions {
  return {
    signal: options.signal,
    settle: options.settle,
    onSlowWrite: (milliseconds) =>
      options.onEvent?.({
        type: 'warning',
        code: 'TAG_WRITE_SLOW',
        message: `writing ${target.name} took ${(milliseconds / 1000).toFixed(1)} s; what another process added to it meanwhile may be gone: look with mabuild inspect`,
      }),
  };
}
