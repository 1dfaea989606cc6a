import { type Descriptor, digestOf, mediaTypes } from '@mabuild/oci';
import type { TestRegistry } from '@mabuild/registry/testing';

/** Puts things into a test registry without a client, and always the same: their digests never change. */
export interface RegistryWriter {
  blob(mediaType: string, content: string | object): Descriptor;
  manifest(name: string | undefined, mediaType: string, document: object): Descriptor;
  /** An image of one layer; `docker`: in Docker's format. */
  image(platform: string, content: string, options?: ImageOptions): Descriptor;
  /** An index; entries as they are. */
  index(name: string | undefined, entries: readonly Descriptor[], mediaType?: string): Descriptor;
  /** BuildKit's provenance of an image, as an entry of its index. */
  attestation(of: Descriptor): Descriptor;
}

interface ImageOptions {
  readonly name?: string;
  readonly docker?: boolean;
  /** More layers, below the one with the content. */
  readonly base?: readonly Descriptor[];
}

export function writeTo(registry: TestRegistry, repository: string): RegistryWriter {
  const blob: RegistryWriter['blob'] = (mediaType, content) => {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    return { mediaType, digest: registry.addBlob(repository, bytes), size: bytes.length };
  };
  const manifest: RegistryWriter['manifest'] = (name, mediaType, document) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
    const digest = registry.addManifest(repository, name ?? digestOf(bytes), mediaType, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  return {
    blob,
    manifest,
    image(platform, content, { name, docker = false, base = [] } = {}) {
      const [os = '', architecture = '', variant] = platform.split('/');
      const place = { os, architecture, ...(variant !== undefined && { variant }) };
      const layerType = docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip;
      const layers = [...base, blob(layerType, content)];
      const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
      const config = blob(docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig, { ...place, rootfs });
      const type = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
      return { ...manifest(name, type, { config, layers }), platform: place };
    },
    index: (name, manifests, mediaType = mediaTypes.ociIndex) => manifest(name, mediaType, { manifests }),
    attestation(of) {
      const layer = blob('application/vnd.in-toto+json', { about: of.digest });
      const rootfs = { type: 'layers', diff_ids: [layer.digest] };
      const config = blob(mediaTypes.ociConfig, { architecture: 'unknown', os: 'unknown', rootfs });
      return {
        ...manifest(undefined, mediaTypes.ociManifest, { config, layers: [layer] }),
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': of.digest,
        },
      };
    },
  };
}
