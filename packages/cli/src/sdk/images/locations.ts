import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type CallOptions,
  type ImageSource,
  layoutTags,
  MabuildError,
  ociArchiveTags,
  openDockerArchive,
  openLayout,
  openOciArchive,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { openEngineImage } from '../build/engine-source.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import type { Toolbox } from '../toolbox.ts';
import { formatLocation, type ImageLocation } from './image-location.ts';
import { type LocationSink, openSink } from './location-sink.ts';

/** Opens places while one call of the SDK lasts; all of them share one registry client. */
export interface Locations {
  registry(): Promise<RegistryClient>;
  /** @throws MabuildError `IMAGE_NOT_FOUND`, `LAYOUT_INVALID`, `ARCHIVE_INVALID`, `REGISTRY_…` */
  open(location: ImageLocation): Promise<ImageSource>;
  /** The names of the images in a place, whatever image the location names. @throws MabuildError `USAGE` */
  tags(location: ImageLocation): Promise<readonly string[]>;
  /** Opens a place to write to; whoever opens it ends it with `finish` or `abandon`. */
  sink(location: ImageLocation): Promise<LocationSink>;
}

/** Lends {@link Locations}; what they had to unpack is gone in the end. */
export async function withLocations<T>(
  toolbox: Toolbox,
  options: CallOptions,
  use: (locations: Locations) => Promise<T>,
): Promise<T> {
  const { environment } = toolbox;
  const { signal } = options;
  const temporary: string[] = [];
  const temporaryDirectory = (): string => {
    const made = makeTemporaryFolder(environment);
    temporary.push(made);
    return made;
  };
  const path = (name: string): string => resolve(environment.workingDirectory, name);
  let client: Promise<RegistryClient> | undefined;
  const registry = (): Promise<RegistryClient> => {
    client ??= toolbox.registry();
    return client;
  };
  const open = async (location: ImageLocation): Promise<ImageSource> => {
    switch (location.kind) {
      case 'registry':
        return (await registry()).resolve(location.reference, { signal });
      case 'oci':
        return openLayout(path(location.path), { tag: location.tag, signal });
      case 'oci-archive':
        return openOciArchive(path(location.path), { tag: location.tag, signal });
      case 'docker-archive':
        return openDockerArchive(path(location.path), { directory: temporaryDirectory(), signal });
      case 'docker':
        return openEngineImage(await toolbox.openEngine(), location.image, {
          directory: temporaryDirectory(),
          signal,
        });
    }
  };
  const tags = async (location: ImageLocation): Promise<readonly string[]> => {
    switch (location.kind) {
      case 'registry': {
        const found: string[] = [];
        for await (const tag of (await registry()).tags(location.reference, { signal })) found.push(tag);
        return found;
      }
      case 'oci':
        return layoutTags(path(location.path));
      case 'oci-archive':
        return ociArchiveTags(path(location.path), { signal });
      default:
        throw new MabuildError(`${formatLocation(location)} is one image`, {
          code: 'USAGE',
          hint: 'a repository, an OCI layout and an OCI archive have tags',
        });
    }
  };
  try {
    return await use({
      registry,
      open,
      tags,
      sink: (location) =>
        openSink(location, { registry, openEngine: toolbox.openEngine, path, temporaryDirectory, signal }),
    });
  } finally {
    await Promise.all(temporary.map((directory) => rm(directory, { recursive: true, force: true })));
  }
}
