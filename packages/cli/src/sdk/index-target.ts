import type { Memory } from '@mabuild/core';
import {
  type CallOptions,
  copyImage,
  type ImageReference,
  type ImageSink,
  type ImageSource,
  isMabuildError,
  MabuildError,
  type PushEvent,
  type TagOptions,
  withDigest,
} from '@mabuild/oci';
import { formatLocation, type Locations, parseLocation } from './image-location.ts';
import { openKnownPlaces } from './known-places.ts';
import { parseTag } from './publish.ts';

/** One tag, of a registry or of an OCI layout, that is made to point at an index. */
export interface IndexTarget {
  /** As people write it. */
  readonly name: string;
  /** Whether another writer may come between a look at the tag and a write without being seen. */
  readonly shared: boolean;
  /** What the tag points at now; nothing: `undefined`. Mirrors are not asked. */
  read(): Promise<ImageSource | undefined>;
  /** Writes everything but the tag, and gives it as it can be read there. */
  put(source: ImageSource): Promise<ImageSource>;
  /**
   * Writes everything, the tag last.
   * @returns milliseconds between the last look at the tag and the end of the write, at the most
   * @throws MabuildError `REGISTRY_TAG_MOVED` when the tag does not point at `expected` any more
   */
  write(source: ImageSource, expected: Expected): Promise<number>;
}

export interface TargetOptions extends CallOptions {
  readonly memory: Memory;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

/**
 * Opens a tag to be written: a reference, or `oci:DIR[:TAG]` (tag `latest` when there is none).
 * @throws MabuildError `INVALID_REFERENCE`, `INVALID_OUTPUT`
 */
export async function openIndexTarget(
  text: string,
  locations: Locations,
  options: TargetOptions,
): Promise<IndexTarget> {
  const location = parseLocation(text);
  switch (location.kind) {
    case 'registry':
      return registryTarget(parseTag(text), locations, options);
    case 'oci': {
      const sink = async (): Promise<ImageSink> => (await locations.sink(location)).sink;
      const named = { ...location, tag: location.tag ?? 'latest' };
      const open = (): Promise<ImageSource> => locations.open(named);
      return {
        name: formatLocation(named),
        shared: false,
        read: () => orNothing(open),
        async put(source) {
          await copyImage(source, await sink(), copying(options));
          return source;
        },
        write: async (source, expected) =>
          writeTag(source, await sink(), named.tag, expected, copying(options)),
      };
    }
    default:
      throw new MabuildError(`${text} cannot be given an index`, {
        code: 'INVALID_OUTPUT',
        hint: 'write to a reference, or to oci:DIR[:TAG]; `mabuild copy` makes archives',
      });
  }
}

async function registryTarget(
  reference: ImageReference,
  locations: Locations,
  options: TargetOptions,
): Promise<IndexTarget> {
  const registry = await locations.registry();
  const sink = registry.sink(reference);
  const places = openKnownPlaces(reference, options.memory);
  const { signal } = options;
  const put = new Set<string>();
  const resolve = (of: ImageReference): Promise<ImageSource> =>
    registry.resolve(of, { signal, pastMirrors: true });
  const settings = copying({
    ...options,
    onEvent: (event) => {
      places.note(event);
      options.onEvent?.(event);
    },
  });
  return {
    name: formatLocation({ kind: 'registry', reference }),
    shared: true,
    read: () => orNothing(() => resolve(reference)),
    async put(source) {
      await copyImage(places.knowing(source), sink, settings);
      await places.save();
      put.add(source.root.digest);
      return resolve(withDigest(reference, source.root.digest));
    },
    async write(source, expected) {
      const tag = reference.tag ?? 'latest';
      if (put.has(source.root.digest)) return nameIt(source, sink, tag, expected, options);
      const window = await writeTag(places.knowing(source), sink, tag, expected, settings);
      await places.save();
      return window;
    },
  };
}

function copying({
  signal,
  onEvent,
}: Omit<TargetOptions, 'memory'>): Parameters<typeof copyImage>[2] & object {
  return { jobs: 16, signal, onEvent };
}

type Expected = NonNullable<TagOptions['expected']>;

async function writeTag(
  source: ImageSource,
  sink: ImageSink,
  tag: string,
  expected: Expected,
  options: Parameters<typeof copyImage>[2],
): Promise<number> {
  let window = 0;
  // No `tagged`: whoever writes has looked, and the sink looks again.
  const guarded: ImageSink = {
    has: (...args) => sink.has(...args),
    ...(sink.mount && { mount: (...args) => sink.mount!(...args) }),
    put: (...args) => sink.put(...args),
    async tag(name, descriptor, more) {
      const begin = performance.now();
      await sink.tag(name, descriptor, { ...more, expected });
      window = performance.now() - begin;
    },
  };
  await copyImage(source, guarded, { ...options, tags: [tag] });
  return window;
}

/** Names what was put before. */
async function nameIt(
  source: ImageSource,
  sink: ImageSink,
  tag: string,
  expected: Expected,
  { signal }: CallOptions,
): Promise<number> {
  const begin = performance.now();
  const open = (): ReturnType<ImageSource['read']> => source.read(source.root, { signal });
  await sink.tag(tag, source.root, { open, expected, signal });
  return performance.now() - begin;
}

async function orNothing<T>(open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if (isMabuildError(error) && isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence({ code, cause }: MabuildError): boolean {
  if (code === 'LAYOUT_INVALID') return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  return code === 'IMAGE_NOT_FOUND' || code === 'REPOSITORY_NOT_FOUND';
}
