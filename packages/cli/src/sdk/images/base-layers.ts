import {
  type BaseLayers,
  baseDigestAnnotation,
  baseNameAnnotation,
  type Descriptor,
  formatPlatform,
  formatReference,
  type ImageOfBase,
  type ImageReference,
  type ImageSource,
  isAttestation,
  isIndexType,
  isMabuildError,
  MabuildError,
  type Platform,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  parseReference,
  platformSatisfies,
  readDocument,
  withDigest,
} from '@mabuild/oci';
import { isPrivateHost, type RegistryClient } from '@mabuild/registry';
import type { SdkOptions } from '../toolbox.ts';

export interface BaseLookup {
  /** Registry of the image that is verified: annotations may name no other private host. @default none */
  readonly host?: string | undefined;
  /** A base that is said; annotations do not count then. */
  readonly base?: string | undefined;
  readonly registry: () => Promise<RegistryClient>;
}

/**
 * Finds the layers of an image's base, of the image's own platform: those of another platform in its place are a lie.
 *
 * Without a base that is said, `org.opencontainers.image.base.name` and `.digest` together name it; one that is not to be
 * had is a note, and nothing is left out.
 */
export function baseLookup(
  { host, base, registry }: BaseLookup,
  options: SdkOptions,
): (one: ImageOfBase) => Promise<BaseLayers | undefined> {
  const known = new Map<string, Promise<readonly BaseImage[]>>();
  const imagesOf = (reference: ImageReference): Promise<readonly BaseImage[]> => {
    const name = formatReference(reference);
    const asked = known.get(name) ?? registry().then((client) => readImages(reference, client, options));
    known.set(name, asked);
    return asked;
  };
  return async ({ platform, annotations }) => {
    if (base !== undefined) {
      const layers = layersFor(platform, await imagesOf(parseReference(base)));
      return layers ?? unknown(base, `it has no image for ${formatPlatform(platform)}`);
    }
    const { [baseNameAnnotation]: name = '', [baseDigestAnnotation]: digest = '' } = annotations;
    if (name === '' || digest === '') return undefined;
    try {
      const reference = withDigest(parseReference(name), digest);
      if (reference.registry !== host && isPrivateHost(hostOf(reference))) {
        return unknown(name, 'its registry is on a private host');
      }
      const layers = layersFor(platform, await imagesOf(reference));
      return layers ?? unknown(name, `it has no image for ${formatPlatform(platform)}`);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isMabuildError(error)) throw error;
      return unknown(name, error.message);
    }
  };
}

/** Looks whether a repository has a layer, and as long as it should be, without reading it. */
export function layerFinder(
  repository: ImageReference,
  registry: () => Promise<RegistryClient>,
  options: SdkOptions,
): (layer: Descriptor) => Promise<void> {
  return async ({ digest, size }) => {
    const { root } = await (await registry()).blob(withDigest(repository, digest), options);
    if (root.size === size) return;
    throw new MabuildError(`layer ${digest} has ${root.size} bytes, the manifest says ${size}`, {
      code: 'SIZE_MISMATCH',
    });
  };
}

interface BaseImage {
  readonly platform: Platform;
  readonly layers: readonly string[];
}

function unknown(found: string, why: string): BaseLayers {
  return { layers: [], note: { kind: 'base-unknown', found, why: `nothing is left out: ${why}` } };
}

/** An older variant of the same processor will do: a v7 image may be built on a v6 base. */
function layersFor(platform: Platform, images: readonly BaseImage[]): BaseLayers | undefined {
  const fitting = images.filter(
    (one) => one.platform.architecture === platform.architecture && platformSatisfies(one.platform, platform),
  );
  return fitting.length === 0 ? undefined : { layers: fitting.flatMap(({ layers }) => layers) };
}

function hostOf({ registry }: ImageReference): string {
  return registry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

async function readImages(
  reference: ImageReference,
  registry: RegistryClient,
  options: SdkOptions,
): Promise<readonly BaseImage[]> {
  const source = await registry.resolve(reference, options);
  if (!isIndexType(source.root.mediaType)) return [await readImage(source, source.root, options)];
  const { manifests } = parseImageIndex(await readDocument(source, source.root, options));
  const entries = manifests.filter((entry) => !isAttestation(entry) && !isIndexType(entry.mediaType));
  return Promise.all(entries.map((entry) => readImage(source, entry, options)));
}

async function readImage(source: ImageSource, entry: Descriptor, options: SdkOptions): Promise<BaseImage> {
  const { config, layers } = parseImageManifest(await readDocument(source, entry, options));
  const platform = entry.platform ?? parseImageConfig(await readDocument(source, config, options));
  return { platform, layers: layers.map(({ digest }) => digest) };
}
