import type { BuiltImage, Memory } from '@mabuild/core';
import {
  type CallOptions,
  copyImage,
  createLayoutSink,
  createOciArchiveSink,
  type Descriptor,
  familiarReference,
  formatReference,
  type ImageReference,
  type ImageSource,
  MabuildError,
  makeIndex,
  type PushEvent,
  withRoot,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { parseImageName } from '../images/references.ts';
import type { AskedEarly } from './ask-early.ts';
import type { EarlyPush } from './early-push.ts';
import { openKnownPlaces } from './known-places.ts';
import { platformSuffix } from './platform-suffix.ts';

/** An image or an index, ready to be written anywhere. */
export interface Assembly {
  readonly root: Descriptor;
  readonly source: ImageSource;
}

export interface AssembleOptions {
  readonly index: 'auto' | 'always';
  readonly indexType: 'oci' | 'docker';
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Joins built images: one platform is a plain manifest unless an index is asked for.
 *
 * @throws MabuildError `DUPLICATE_PLATFORM`
 */
export function assemble(images: readonly BuiltImage[], options: AssembleOptions): Assembly {
  const [only] = images;
  const plain =
    images.length === 1 && options.index === 'auto' && Object.keys(options.annotations).length === 0;
  if (plain && only) return { root: only.descriptor, source: only.source };
  const index = makeIndex(
    images.map((image) => image.descriptor),
    { type: options.indexType, annotations: options.annotations },
  );
  return {
    root: index.descriptor,
    source: withRoot(
      index,
      images.map((image) => image.source),
    ),
  };
}

export interface PublishOptions extends CallOptions {
  readonly registry: RegistryClient;
  /** Where blobs were pushed to before. */
  readonly memory: Memory;
  readonly jobs: number;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
  /** What is being sent to the repository already. */
  readonly underway?: Map<string, Promise<void>> | undefined;
  /** What names pointed at when the build began. */
  readonly asked?: AskedEarly | undefined;
}

/** One name that was written, and what it points at. */
export interface Published {
  readonly reference: string;
  readonly digest: string;
}

/** Pushes to every tag: children by digest first, then the index, the tags last. */
export async function pushTags(
  assembly: Assembly,
  tags: readonly string[],
  options: PublishOptions & { readonly byDigest: boolean; readonly early?: EarlyPush | undefined },
): Promise<readonly Published[]> {
  const published: Published[] = [];
  for (const [repository, references] of groupByRepository(tags.map(parseTag))) {
    const names = options.byDigest ? [] : references.map((reference) => reference.tag ?? 'latest');
    const { early } = options;
    const isSame = early?.repository.repository === references[0]!.repository;
    const underway =
      isSame && early.repository.registry === references[0]!.registry ? early.underway : undefined;
    await pushImageTo(references[0]!, assembly, names, { ...options, underway });
    for (const reference of options.byDigest ? [repository] : references.map(formatReference)) {
      published.push({ reference, digest: assembly.root.digest });
    }
  }
  return published;
}

/** Pushes into one repository; what another repository of the registry was seen to hold is mounted from there. */
export async function pushImageTo(
  repository: ImageReference,
  assembly: Assembly,
  tags: readonly string[],
  options: PublishOptions,
): Promise<void> {
  const places = openKnownPlaces(repository, options.memory);
  const onEvent = (event: PushEvent): void => {
    places.note(event);
    options.onEvent?.(event);
  };
  const to = options.registry.sink(repository);
  const sink = options.asked?.knowing(to, repository) ?? to;
  const { root } = assembly;
  await copyImage(places.knowing(assembly.source), sink, {
    root,
    tags,
    ...copyOptions({ ...options, onEvent }),
    underway: options.underway,
  });
  await places.save();
}

/** Pushes each platform under a tag of its own, `app:1-arm32v7`, and no index. */
export async function pushSuffixedTags(
  images: readonly BuiltImage[],
  tags: readonly string[],
  options: PublishOptions,
): Promise<readonly Published[]> {
  const published: Published[] = [];
  for (const reference of tags.map(parseTag)) {
    for (const image of images) {
      const tag = `${reference.tag ?? 'latest'}-${platformSuffix(image.task.platform)}`;
      await pushImageTo(reference, { root: image.descriptor, source: image.source }, [tag], options);
      published.push({ reference: formatReference({ ...reference, tag }), digest: image.descriptor.digest });
    }
  }
  return published;
}

/** Writes an OCI layout, as a folder or as one file; needs no registry. */
export async function writeLayout(
  assembly: Assembly,
  output: { readonly type: 'oci' | 'oci-archive'; readonly path: string },
  tags: readonly string[],
  options: CallOptions & {
    readonly jobs: number;
    readonly onEvent?: ((event: PushEvent) => void) | undefined;
  },
): Promise<void> {
  const names = tags.length > 0 ? tags.map((tag) => familiarReference(parseTag(tag))) : ['latest'];
  if (output.type === 'oci') {
    const sink = await createLayoutSink(output.path);
    await copyImage(assembly.source, sink, { root: assembly.root, tags: names, ...copyOptions(options) });
    return;
  }
  const sink = await createOciArchiveSink(output.path);
  try {
    await copyImage(assembly.source, sink, { root: assembly.root, tags: names, ...copyOptions(options) });
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

function copyOptions(
  options: CallOptions & { jobs: number; onEvent?: ((event: PushEvent) => void) | undefined },
): {
  jobs: number;
  signal?: AbortSignal | undefined;
  onEvent?: ((event: PushEvent) => void) | undefined;
} {
  return { jobs: options.jobs, signal: options.signal, onEvent: options.onEvent };
}

/**
 * Reads a tag to write.
 * @throws MabuildError `INVALID_REFERENCE`; a digest cannot be chosen by the writer.
 */
export function parseTag(text: string): ImageReference {
  const reference = parseImageName(text);
  if (reference.digest === undefined) return reference;
  throw new MabuildError(`${text} names a digest; a tag to write cannot`, {
    code: 'INVALID_REFERENCE',
    hint: 'leave out the part from @ on',
  });
}

function groupByRepository(
  references: readonly ImageReference[],
): ReadonlyMap<string, readonly ImageReference[]> {
  const groups = new Map<string, ImageReference[]>();
  for (const reference of references) {
    const name = `${reference.registry}/${reference.repository}`;
    groups.set(name, [...(groups.get(name) ?? []), reference]);
  }
  return groups;
}
