import type { Memory } from '@mabuild/core';
import {
  type CallOptions,
  type CopyOptions,
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
import { openKnownPlaces } from '../build/known-places.ts';
import { parseTag } from '../build/publish.ts';
import { formatLocation, parseLocation } from '../images/image-location.ts';
import type { Locations } from '../images/locations.ts';
import { copyAndTag, type TagWrite, writeTag } from './write-tag.ts';

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
   * Writes everything, the tag last, unless the tag does not point at `expected` any more.
   * @param interval milliseconds between looks at the tag while its write takes long
   */
  write(source: ImageSource, expected: Expected, interval: number): Promise<TagWrite>;
}

type Expected = NonNullable<TagOptions['expected']>;

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
        write: async (source, expected, interval) =>
          copyAndTag(
            source,
            await sink(),
            { name: named.tag, expected, interval, read: () => orNothing(open), signal: options.signal },
            copying(options),
          ),
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
  const read = (): Promise<ImageSource | undefined> => orNothing(() => resolve(reference));
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
    read,
    async put(source) {
      await copyImage(places.knowing(source), sink, settings);
      await places.save();
      put.add(source.root.digest);
      return resolve(withDigest(reference, source.root.digest));
    },
    async write(source, expected, interval) {
      const tag = { name: reference.tag ?? 'latest', expected, interval, read, signal };
      if (put.has(source.root.digest)) return writeTag(source, sink, tag);
      const result = await copyAndTag(places.knowing(source), sink, tag, settings);
      await places.save();
      return result;
    },
  };
}

function copying({ signal, onEvent }: Omit<TargetOptions, 'memory'>): CopyOptions {
  return { jobs: 16, signal, onEvent };
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
