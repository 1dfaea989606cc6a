import {
  type Descriptor,
  digestOf,
  emptyIndex,
  type ImageIndex,
  mediaTypes,
  parseImageIndex,
} from '@mabuild/oci';
import { expect } from 'chai';
import { describeChanged } from '../../packages/cli/src/sdk/indexes/create-index.ts';

const entry = (mediaType: string, architecture: string): Descriptor => ({
  mediaType,
  digest: digestOf(architecture),
  size: 1,
  platform: { os: 'linux', architecture },
});

function written(mediaType: string, manifests: readonly Descriptor[]) {
  const bytes = Buffer.from(JSON.stringify({ ...emptyIndex, mediaType, manifests }, undefined, 1));
  return {
    index: parseImageIndex(bytes),
    bytes,
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
  };
}

describe('describeChanged', () => {
  const oci = entry(mediaTypes.ociManifest, 'amd64');
  const docker = entry(mediaTypes.dockerManifest, 'arm64');
  const strange = written(mediaTypes.dockerManifestList, [oci]);
  const list = written(mediaTypes.dockerManifestList, [docker]);
  const less = (index: ImageIndex): ImageIndex => ({ ...index, manifests: index.manifests.slice(0, 1) });

  it("leaves a manifest list of the OCI's images as it is, as buildah writes it", () => {
    expect(describeChanged(strange.index, strange, undefined)).to.deep.equal({
      descriptor: strange.descriptor,
      bytes: strange.bytes,
    });
  });

  const rows: readonly (readonly [string, typeof list, ImageIndex, 'oci' | undefined, string])[] = [
    ['an index of such a list that changes', strange, less(strange.index), undefined, mediaTypes.ociIndex],
    ['an index of what shall be one', strange, strange.index, 'oci', mediaTypes.ociIndex],
    ['a list of a list', list, less(list.index), undefined, mediaTypes.dockerManifestList],
  ];
  for (const [what, original, index, type, mediaType] of rows) {
    it(`makes ${what}`, () => {
      expect(describeChanged(index, original, type).descriptor.mediaType).to.equal(mediaType);
    });
  }

  it("puts no image of the OCI's into a manifest list without being told", () => {
    const mixed = { ...list.index, manifests: [...list.index.manifests, oci] };
    expect(() => describeChanged(mixed, list, undefined))
      .to.throw(/cannot hold/)
      .with.property('code', 'MIXED_MEDIA_TYPES');
  });
});
