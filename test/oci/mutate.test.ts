import {
  configPlatform,
  digestOf,
  type FinalLayer,
  type HistoryEntry,
  type ImageConfig,
  mediaTypes,
  mutateImage,
  parseImageConfig,
  parseImageManifest,
} from '@mabuild/oci';
import { expect } from 'chai';

const layers = ['a', 'b', 'c'].map(
  (name): FinalLayer => ({
    descriptor: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(`${name}.gz`), size: 4 },
    diffId: digestOf(name),
  }),
);
const history: readonly HistoryEntry[] = [
  { created_by: 'a', created: '2024-01-01T00:00:00Z' },
  { created_by: 'ENV', empty_layer: true },
  { created_by: 'b', created: '2024-01-02T00:00:00Z' },
  { created_by: 'c' },
  { created_by: 'CMD', empty_layer: true },
];
const arm = { os: 'linux', architecture: 'arm', variant: 'v7' };
const config: ImageConfig = {
  os: 'linux',
  architecture: 'arm',
  created: '2024-01-02T00:00:00Z',
  config: { Env: ['A=b'] },
  rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  history,
  container: 'abc',
  container_config: {},
  'moby.buildkit.cache.v0': 'abc',
  'x.unknown': [1],
};

describe('oci mutateImage', () => {
  for (const [what, kept] of [
    ['no layer', [0, 1, 2]],
    ['the first layer', [1, 2]],
    ['a layer in the middle', [0, 2]],
    ['the last layer', [0, 1]],
    ['all layers', []],
  ] as const) {
    it(`drops ${what} with its history`, () => {
      const left = (at: number): boolean => (kept as readonly number[]).includes(at);
      const image = mutateImage({
        config,
        platform: arm,
        layers: layers.map((layer, at) => (left(at) ? layer : undefined)),
      });
      const written = parseImageConfig(image.config);
      const names = ['a', 'b', 'c'].filter((_, at) => left(at));
      expect(written.rootfs.diff_ids).to.deep.equal(names.map((name) => digestOf(name)));
      expect(written.history?.map((entry) => entry.created_by)).to.deep.equal(
        ['a', 'ENV', 'b', 'c', 'CMD'].filter((name) => /ENV|CMD/.test(name) || names.includes(name)),
      );
      expect(parseImageManifest(image.manifest).layers).to.deep.equal(
        kept.map((at) => layers[at]?.descriptor),
      );
      expect('moby.buildkit.cache.v0' in written).to.equal(kept.length === 3);
    });
  }

  it('gives digests and sizes that are right', () => {
    const image = mutateImage({ config, platform: arm, layers });
    expect(image.descriptor.digest).to.equal(digestOf(image.manifest));
    expect(image.descriptor.size).to.equal(image.manifest.length);
    expect(image.configDescriptor.digest).to.equal(digestOf(image.config));
    expect(parseImageManifest(image.manifest).config).to.deep.equal(image.configDescriptor);
  });

  it('fills the variant in, drops what the classic builder leaves, and keeps fields that it does not know', () => {
    const image = mutateImage({ config, platform: arm, layers });
    const written = parseImageConfig(image.config);
    expect(configPlatform(written)).to.deep.equal(arm);
    expect(image.descriptor.platform).to.deep.equal(arm);
    expect(written).to.not.have.any.keys('container', 'container_config');
    expect(written['x.unknown']).to.deep.equal([1]);
    expect(written.config).to.deep.equal(config.config);
  });

  it('makes no time later than SOURCE_DATE_EPOCH', () => {
    const image = mutateImage({
      config,
      platform: arm,
      layers,
      sourceDateEpoch: Date.UTC(2024, 0, 1) / 1000,
    });
    const written = parseImageConfig(image.config);
    expect(
      [written.created, ...(written.history ?? []).map(({ created }) => created)].filter((time) => time),
    ).to.deep.equal(Array.from({ length: 3 }, () => '2024-01-01T00:00:00Z'));
  });

  it("speaks Docker's words throughout when asked", () => {
    const image = mutateImage({
      config,
      platform: arm,
      layers,
      manifestType: 'docker',
      annotations: { a: 'b' },
    });
    const manifest = parseImageManifest(image.manifest);
    expect([
      image.descriptor.mediaType,
      manifest.config.mediaType,
      manifest.layers[0]?.mediaType,
    ]).to.deep.equal([mediaTypes.dockerManifest, mediaTypes.dockerConfig, mediaTypes.dockerLayerGzip]);
    expect(manifest.annotations).to.equal(undefined);
  });

  for (const [what, bad, given] of [
    ['fewer layers than the config has', config, layers.slice(1)],
    [
      'a history that does not fit, when a layer is dropped',
      { ...config, history: history.slice(1) },
      [undefined, ...layers.slice(1)],
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => mutateImage({ config: bad, platform: arm, layers: given }))
        .to.throw()
        .with.property('code', 'INVALID_CONFIG');
    });
  }
});
