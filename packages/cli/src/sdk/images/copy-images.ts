import { Readable } from 'node:stream';
import type { BuildEvent, Memory } from '@mabuild/core';
import {
  type CallOptions,
  type CopyItem,
  copyImages as copyAll,
  type DescribedDocument,
  type Descriptor,
  type ImageSource,
  isMabuildError,
  MabuildError,
  type Platform,
  type PushEvent,
} from '@mabuild/oci';
import { openKnownPlaces } from '../build/known-places.ts';
import { forManyListeners } from '../many-listeners.ts';
import { readPlatforms } from '../platforms.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { type CopyPair, type CopyPlan, planCopy } from './copy-plan.ts';
import type { CopyRequest } from './copy-request.ts';
import { formatLocation } from './image-location.ts';
import type { LocationSink } from './location-sink.ts';
import { type Locations, withLocations } from './locations.ts';
import { type Selection, selectOnlyImage, selectPlatforms } from './select-platforms.ts';

export interface CopiedImage {
  readonly source: string;
  readonly reference: string;
  readonly digest: string;
}

export interface CopyResult {
  readonly images: readonly CopiedImage[];
  /** How many referrers there were. */
  readonly referrers: number;
}

export interface CopyImagesOptions extends SdkOptions {
  readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined;
}

/** Requests at a time, over all images. */
const jobs = 16;

/**
 * Copies images between registries, layouts, archives and the engine, digests unchanged.
 * @throws MabuildError `INVALID_REFERENCE`, `INVALID_SOURCE`, `INVALID_PLATFORM`, `IMAGE_NOT_FOUND`, `PLATFORM_MISSING`,
 *   `LAYOUT_INVALID`, `USAGE` for an index where one image is held, `REGISTRY_…`
 */
export async function copyImages(request: CopyRequest, given: CopyImagesOptions = {}): Promise<CopyResult> {
  const options = forManyListeners(given);
  const plan = planCopy(request);
  const platforms = readPlatforms(request.platforms ?? []);
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async (locations) => {
      const pairs = await plan.pairs(locations);
      const chosen = await choose(pairs, platforms, plan, locations, options);
      const sink = await locations.sink(plan.destination);
      try {
        return await copyChosen(chosen, sink, plan, toolbox.memory, request, options);
      } catch (error) {
        await sink.abandon();
        throw error;
      }
    }),
  );
}

interface Chosen extends CopyPair {
  readonly source: ImageSource;
  readonly selection: Selection;
}

/** Opens every image and leaves the platforms that are wanted; of many, those that lack one are left out. */
async function choose(
  pairs: readonly CopyPair[],
  platforms: readonly Platform[],
  plan: CopyPlan,
  locations: Locations,
  options: CopyImagesOptions,
): Promise<readonly Chosen[]> {
  const { signal } = options;
  const chosen: Chosen[] = [];
  const warn = (message: string): void => options.onEvent?.({ type: 'warning', code: 'PLATFORMS', message });
  const one = async (pair: CopyPair): Promise<Chosen | undefined> => {
    const of = formatLocation(pair.from);
    const source = await locations.open(pair.from);
    try {
      const selection = await selectPlatforms(source, platforms, { of, signal });
      if (selection.note !== undefined) warn(selection.note);
      return { ...pair, source, selection };
    } catch (error) {
      if (!plan.many || !isMabuildError(error) || error.code !== 'PLATFORM_MISSING') throw error;
      warn(`${error.message}: it is left out`);
      return undefined;
    }
  };
  for (let at = 0; at < pairs.length; at += jobs) {
    const some = await Promise.all(pairs.slice(at, at + jobs).map(one));
    chosen.push(...some.filter((found) => found !== undefined));
  }
  if (chosen.length > 0) return chosen;
  throw new MabuildError(`no image of ${formatLocation(plan.source)} has all of the platforms`, {
    code: 'PLATFORM_MISSING',
    hint: '`mabuild inspect` lists the platforms of an image',
  });
}

async function copyChosen(
  chosen: readonly Chosen[],
  sink: LocationSink,
  plan: CopyPlan,
  memory: Memory,
  request: CopyRequest,
  options: CopyImagesOptions,
): Promise<CopyResult> {
  const { signal } = options;
  const items = await Promise.all(chosen.map((image) => itemOf(image, sink, { signal })));
  const counted = new Set<string>();
  const source = countingReferrers(joined(chosen), counted);
  const places =
    plan.destination.kind === 'registry' ? openKnownPlaces(plan.destination.reference, memory) : undefined;
  await copyAll(places?.knowing(source) ?? source, sink.sink, items, {
    jobs,
    referrers: request.referrers,
    signal,
    onEvent: (event) => {
      places?.note(event);
      options.onEvent?.(event);
    },
  });
  await places?.save();
  await sink.finish(items[0]!.root);
  return {
    images: chosen.map(({ from, to }, at) => ({
      source: formatLocation(from),
      reference: formatLocation(to),
      digest: items[at]!.root.digest,
    })),
    referrers: counted.size,
  };
}

async function itemOf(
  { source, selection, from, names }: Chosen,
  sink: LocationSink,
  { signal }: CallOptions,
): Promise<CopyItem> {
  const root =
    sink.holds === 'index'
      ? selection.root
      : await selectOnlyImage(joined([{ source, selection }]), { of: formatLocation(from), signal });
  return { root, tags: names };
}

/** One source for all images of a place, with the indexes that were made of them. */
function joined(images: readonly Pick<Chosen, 'source' | 'selection'>[]): ImageSource {
  const [{ source, selection }] = images as [Chosen];
  const made = new Map<string, DescribedDocument>();
  for (const image of images) {
    if (image.selection.made) made.set(image.selection.root.digest, image.selection.made);
  }
  return {
    ...optional(source),
    root: selection.root,
    async read(descriptor, options) {
      const document = made.get(descriptor.digest);
      return document
        ? Readable.from([document.bytes], { objectMode: false })
        : source.read(descriptor, options);
    },
  };
}

function countingReferrers(source: ImageSource, counted: Set<string>): ImageSource {
  if (!source.referrers) return source;
  return {
    ...source,
    async referrers(subject: Descriptor, options) {
      const found = (await source.referrers?.(subject, options)) ?? [];
      for (const { digest } of found) counted.add(digest);
      return found;
    },
  };
}

function optional(source: ImageSource): Pick<ImageSource, 'mountableFrom' | 'referrers'> {
  return {
    ...(source.mountableFrom && { mountableFrom: (descriptor) => source.mountableFrom?.(descriptor) }),
    ...(source.referrers && {
      referrers: async (subject: Descriptor, options?: CallOptions) =>
        (await source.referrers?.(subject, options)) ?? [],
    }),
  };
}
