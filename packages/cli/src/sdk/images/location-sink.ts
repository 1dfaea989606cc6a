import { readdir, stat } from 'node:fs/promises';
import type { Engine } from '@mabuild/core';
import {
  type CallOptions,
  createLayoutSink,
  createOciArchiveSink,
  type Descriptor,
  dockerArchive,
  type ImageSink,
  type ImageSource,
  isMabuildError,
  MabuildError,
  ociArchive,
  openLayout,
  parseReference,
  placeStream,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { unwritable } from '../../file-error.ts';
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
  /** A new folder, closed to other users, that somebody else deletes. */
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
      return asItGoes(await openLayoutFolder(world.path(location.path), location.path));
    case 'oci-archive': {
      await refuseFolder(world.path(location.path), location.path);
      const sink = await writing(location.path, () => createOciArchiveSink(world.path(location.path)));
      return {
        sink: named(sink, location.path),
        holds: 'index',
        finish: () => writing(location.path, () => sink.close(world)),
        abandon: () => sink.abort(),
      };
    }
    case 'docker-archive': {
      const { path } = location;
      await refuseFolder(world.path(path), path);
      return collecting('image', world, (source, names) =>
        writing(path, () =>
          placeStream(world.path(path), () => dockerArchive(source, source.root, names, world), world),
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

/**
 * Opens a folder that is a layout, or is to become one: nothing is strewn among other people's files.
 * @param name as the user wrote it
 * @throws MabuildError `LAYOUT_INVALID`, `FILE_UNWRITABLE`
 */
export async function openLayoutFolder(directory: string, name: string): Promise<ImageSink> {
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
  return named(await writing(name, () => createLayoutSink(directory)), name);
}

/** A file is put in its place at the very end: what stands there is better known before everything is read. */
async function refuseFolder(file: string, name: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  throw new MabuildError(`writing ${name}: it is a folder`, {
    code: 'FILE_UNWRITABLE',
    hint: 'name a file, or oci:DIR for a layout in a folder',
  });
}

/** A sink that names what it writes when the file system refuses. */
function named(sink: ImageSink, name: string): ImageSink {
  return {
    ...(sink.verifies === undefined ? {} : { verifies: sink.verifies }),
    has: (...given) => sink.has(...given),
    ...(sink.tagged && { tagged: async (...given) => (await sink.tagged?.(...given)) ?? false }),
    put: (...given) => writing(name, () => sink.put(...given)),
    tag: (...given) => writing(name, () => sink.tag(...given)),
    ...(sink.refer && { refer: (...given) => writing(name, async () => sink.refer?.(...given)) }),
  };
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
    throw error instanceof Error && !isMabuildError(error) && 'syscall' in error
      ? unwritable(name, error)
      : error;
  }
}
