import type { BuiltImage, Memory } from '@mabuild/core';
import {
  copyBlobs,
  type Descriptor,
  type GrowingBlob,
  type ImageReference,
  isForeignLayerType,
  type PushEvent,
  parseImageManifest,
  readDocument,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { openKnownPlaces } from './known-places.ts';

/**
 * Sends layers while they are written and others are built; they are there only when their image is finished, and nothing
 * names them before all images are.
 */
export interface EarlyPush {
  readonly repository: ImageReference;
  /** What is sent or was, by digest. */
  readonly underway: Map<string, Promise<void>>;
  /** Begins to send a layer that is still being written. */
  follow(layer: GrowingBlob): void;
  /** Sends what is left of an image's layers. */
  begin(image: Pick<BuiltImage, 'source' | 'descriptor'>): void;
  /** Gives up what is still being sent, and remembers what was. */
  close(): Promise<void>;
}

export interface EarlyPushOptions {
  readonly registry: RegistryClient;
  readonly memory: Memory;
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

/** Layers below this size are sent with the rest: it is asked less for them then, bytes. */
const worthIt = 1_000_000;

/** Begins to send to a repository; the caller closes it when the build has ended. */
export function openEarlyPush(repository: ImageReference, options: EarlyPushOptions): EarlyPush {
  const { registry, memory, jobs } = options;
  const places = openKnownPlaces(repository, memory);
  const sink = registry.sink(repository);
  const stopped = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stopped.signal]) : stopped.signal;
  const underway = new Map<string, Promise<void>>();
  const works: Promise<void>[] = [];
  const onEvent = (event: PushEvent): void => {
    places.note(event);
    options.onEvent?.(event);
  };
  const send = async ({ source, descriptor }: Pick<BuiltImage, 'source' | 'descriptor'>): Promise<void> => {
    const { layers } = parseImageManifest(await readDocument(source, descriptor, { signal }));
    const blobs: Descriptor[] = [];
    for (const layer of layers) {
      if (layer.size < worthIt || isForeignLayerType(layer.mediaType)) continue;
      // What is somewhere in the registry, as the base's layers are, may be needed no more than asked for.
      if ((await source.mountableFrom?.(layer)) || (await places.knows(layer.digest))) continue;
      blobs.push(layer);
    }
    if (blobs.length > 0) await copyBlobs(source, sink, blobs, { signal, jobs, underway, onEvent });
  };
  const follow = async (layer: GrowingBlob): Promise<void> => {
    const known = new AbortController();
    layer.finished
      .then(async ({ digest }) => {
        if (await places.knows(digest)) known.abort();
      })
      .catch(() => undefined);
    await sink.follow?.(layer, { signal: AbortSignal.any([signal, known.signal]) });
  };
  return {
    repository,
    underway,
    follow: (layer) => void works.push(follow(layer).catch(() => undefined)),
    // Whoever publishes the image meets the error.
    begin: (image) => void works.push(send(image).catch(() => undefined)),
    async close() {
      stopped.abort();
      await Promise.all(works);
      await places.save();
    },
  };
}
