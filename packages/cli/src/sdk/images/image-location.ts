import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type CallOptions,
  formatReference,
  type ImageReference,
  type ImageSource,
  isMabuildError,
  layoutTags,
  MabuildError,
  ociArchiveTags,
  openDockerArchive,
  openLayout,
  openOciArchive,
  parseReference,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { openEngineImage } from '../build/engine-source.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import type { Toolbox } from '../toolbox.ts';
import { type LocationSink, openSink } from './location-sink.ts';

/** Where an image is, as people name it. */
export type ImageLocation =
  | { readonly kind: 'registry'; readonly reference: ImageReference }
  /** A folder that is an OCI layout. */
  | { readonly kind: 'oci'; readonly path: string; readonly tag?: string }
  | { readonly kind: 'oci-archive'; readonly path: string; readonly tag?: string }
  | { readonly kind: 'docker-archive'; readonly path: string }
  /** An image of the engine. */
  | { readonly kind: 'docker'; readonly image: string };

/** Places other than registries. */
export type LocalLocation = Exclude<ImageLocation, { kind: 'registry' }>;

const forms = 'oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE or docker:IMAGE';

/**
 * Reads `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`, `docker:IMAGE`, or a reference.
 *
 * The words before a colon come first: Docker Hub's image `docker` is written `docker.io/library/docker:cli`.
 * @throws MabuildError `INVALID_REFERENCE`, with the other forms in its hint
 */
export function parseLocation(text: string): ImageLocation {
  const local = readLocal(text);
  if (local) return local;
  try {
    return { kind: 'registry', reference: parseReference(text) };
  } catch (error) {
    if (!isMabuildError(error) || !/^[a-z-]+:($|[./\\])/.test(text) || text.includes('://')) throw error;
    throw new MabuildError(`${JSON.stringify(text)} is no place for an image`, {
      code: 'INVALID_SOURCE',
      hint: `use ${forms}, or a reference like localhost:5000/app:1`,
      cause: error,
    });
  }
}

/**
 * Reads a place that is no registry.
 * @param as what it is meant for, for the message
 * @throws MabuildError `INVALID_SOURCE`, `INVALID_OUTPUT`
 */
export function parseLocalLocation(text: string, as: 'source' | 'destination' = 'source'): LocalLocation {
  const local = readLocal(text);
  if (local) return local;
  throw new MabuildError(`${JSON.stringify(text)} is no ${as}`, {
    code: as === 'source' ? 'INVALID_SOURCE' : 'INVALID_OUTPUT',
    hint: `use ${forms}`,
  });
}

/** Writes a location so that {@link parseLocation} reads it back. */
export function formatLocation(location: ImageLocation): string {
  switch (location.kind) {
    case 'registry':
      return formatReference(location.reference);
    case 'docker':
      return `docker:${location.image}`;
    case 'docker-archive':
      return `docker-archive:${location.path}`;
    default:
      return `${location.kind}:${location.path}${location.tag === undefined ? '' : `:${location.tag}`}`;
  }
}

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

function readLocal(text: string): LocalLocation | undefined {
  const [, kind, rest = ''] = /^([a-z-]+):(.+)$/s.exec(text) ?? [];
  switch (kind) {
    case 'oci':
    case 'oci-archive':
      return { kind, ...splitTag(rest) };
    case 'docker-archive':
      return { kind, path: rest };
    case 'docker':
      // docker://NAME is other tools' word for a reference; what is wrong with it is said there.
      return rest.startsWith('//') ? undefined : { kind, image: rest };
    default:
      return undefined;
  }
}

/** `DIR:TAG`: what follows the last colon, unless it has a slash in it or nothing before it. */
function splitTag(text: string): { readonly path: string; readonly tag?: string } {
  const colon = text.lastIndexOf(':');
  const tag = text.slice(colon + 1);
  return colon > 0 && /^[^/\\]+$/.test(tag) ? { path: text.slice(0, colon), tag } : { path: text };
}
