import { readdir } from 'node:fs/promises';
import type { Engine } from '@mabuild/core';
import {
  type CallOptions,
  createLayoutSink,
  createOciArchiveSink,
  type Descriptor,
  dockerArchive,
  type ImageSink,
  type ImageSource,
  MabuildError,
  ociArchive,
  openLayout,
  parseReference,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { streamWhole } from '../write-whole.ts';
import type { ImageLocation } from './image-location.ts';

/** A place that images are written to. */
export interface LocationSink {
  readonly sink: ImageSink;
  /** `image`: images of one platform only, no index. */
  readonly holds: 'index' | 'image';
  /** Makes what was put and tagged appear, where that happens at once in the end. */
  finish(root: Descriptor): Promise<void>;
  /** Takes back what can be taken back. */
  abandon(): Promise<void>;
}

/** What opening a sink needs of the world. */
export interface SinkWorld extends CallOptions {
  registry(): Promise<RegistryClient>;
  openEngine(): Promise<Engine>;
  /** The absolute path of a name. */
  path(name: string): string;
  /** A new name for a folder that somebody else deletes. */
  temporaryDirectory(): string;
}

/**
 * Opens a location to write to.
 * @throws MabuildError `LAYOUT_INVALID` for a folder that holds something else, `FILE_UNWRITABLE`, `NO_ENGINE`, …
 */
export async function openSink(location: ImageLocation, world: SinkWorld): Promise<LocationSink> {
  switch (location.kind) {
    case 'registry': {
      const registry = await world.registry();
      return asItGoes(registry.sink(location.reference));
    }
    case 'oci':
      return asItGoes(await openFolder(world.path(location.path), location.path));
    case 'oci-archive': {
      const sink = await writing(location.path, () => createOciArchiveSink(world.path(location.path)));
      return {
        sink,
        holds: 'index',
        finish: () => writing(location.path, () => sink.close(world)),
        abandon: () => sink.abort(),
      };
    }
    case 'docker-archive': {
      const { path } = location;
      return collecting('image', world, (source, names) =>
        writing(path, () =>
          streamWhole(world.path(path), () => dockerArchive(source, source.root, names, world), world),
        ),
      );
    }
    case 'docker': {
      const engine = await world.openEngine();
      const holds = engine.info.imageStore === 'containerd' ? 'index' : 'image';
      return collecting(holds, world, async (source, names) => {
        const archive =
          holds === 'index'
            ? ociArchive(source, source.root, names.map(parseReference), world)
            : await dockerArchive(source, source.root, names, world);
        await engine.load(archive, world);
      });
    }
  }
}

function asItGoes(sink: ImageSink): LocationSink {
  return { sink, holds: 'index', finish: async () => undefined, abandon: async () => undefined };
}

/** A folder that is a layout, or is to become one: nothing is strewn among other people's files. */
async function openFolder(directory: string, name: string): Promise<ImageSink> {
  const files = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw unwritable(name, error);
  });
  if (files.length > 0 && !files.includes('oci-layout')) {
    throw new MabuildError(`writing ${name}: the folder holds other files and is no OCI layout`, {
      code: 'LAYOUT_INVALID',
      hint: 'name a new or an empty folder',
    });
  }
  return writing(name, () => createLayoutSink(directory));
}

/** Collects an image in a folder, for formats that must know all of it before the first byte. */
async function collecting(
  holds: LocationSink['holds'],
  world: SinkWorld,
  write: (source: ImageSource, names: readonly string[]) => Promise<void>,
): Promise<LocationSink> {
  const directory = world.temporaryDirectory();
  const layout = await createLayoutSink(directory);
  const names: string[] = [];
  return {
    sink: {
      has: (descriptor, options) => layout.has(descriptor, options),
      put: (descriptor, open, options) => layout.put(descriptor, open, options),
      async tag(name, descriptor, options) {
        await layout.tag('collected', descriptor, options);
        names.push(name);
      },
    },
    holds,
    async finish(root) {
      await layout.tag('collected', root, world);
      await write({ ...(await openLayout(directory, { tag: 'collected' })), root }, names);
    },
    abandon: async () => undefined,
  };
}

async function writing<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? unwritable(name, error) : error;
  }
}

function unwritable(name: string, cause: Error): MabuildError {
  return new MabuildError(`writing ${name}: ${cause.message}`, {
    code: 'FILE_UNWRITABLE',
    hint: 'the folder must exist and be writable',
    cause,
  });
}
