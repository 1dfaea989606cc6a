import { mediaTypes } from '@mabuild/oci';
import { dockerTypes, type ImageMaker } from './client-images.ts';

/** Images of every kind that a registry holds. */
export const imageKinds: readonly (readonly [
  string,
  (maker: ImageMaker) => ReturnType<ImageMaker['manifest']>,
])[] = [
  ['an image of one layer', (maker) => maker.manifest([maker.layer()])],
  ['an image without a layer', (maker) => maker.manifest([])],
  ['an image of 30 layers', (maker) => maker.manifest(Array.from({ length: 30 }, () => maker.layer(50)))],
  ['a layer of one byte', (maker) => maker.manifest([maker.layer(1)])],
  ['an empty layer', (maker) => maker.manifest([maker.add(mediaTypes.ociLayer, '')])],
  ['a layer of 9 MiB and a byte', (maker) => maker.manifest([maker.layer(9 * 1024 * 1024 + 1)])],
  [
    'the same layer twice',
    (maker) => {
      const layer = maker.layer();
      return maker.manifest([layer, layer]);
    },
  ],
  [
    'layers of gzip, zstd and neither',
    (maker) =>
      maker.manifest(
        [mediaTypes.ociLayerGzip, mediaTypes.ociLayerZstd, mediaTypes.ociLayer].map((type) =>
          maker.layer(500, type),
        ),
      ),
  ],
  [
    'an image in Docker’s format',
    (maker) => maker.manifest([maker.layer(1000, dockerTypes.layer)], { types: dockerTypes }),
  ],
  [
    'a manifest list in Docker’s format',
    (maker) => {
      const entries = ['amd64', 'arm'].map((architecture) => ({
        ...maker.manifest([maker.layer(1000, dockerTypes.layer)], { architecture, types: dockerTypes }),
        platform: { os: 'linux', architecture, ...(architecture === 'arm' && { variant: 'v7' }) },
      }));
      return maker.index(entries, { types: dockerTypes });
    },
  ],
  ['an index without an entry', (maker) => maker.index([])],
  ['an index in an index', (maker) => maker.index([maker.index([maker.manifest([maker.layer()])])])],
  [
    'an index with an attestation',
    (maker) => {
      const image = maker.manifest([maker.layer()]);
      const attestation = maker.manifest([maker.layer(100, 'application/vnd.in-toto+json')]);
      return maker.index([
        { ...image, platform: { os: 'linux', architecture: 'arm64' } },
        {
          ...attestation,
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': image.digest,
          },
        },
      ]);
    },
  ],
  [
    'annotations on index, entry, manifest and layer',
    (maker) => {
      const annotations = { 'org.example.text': 'Grüße, "quoted" \\ and\ttabs', 'org.example.empty': '' };
      const layer = { ...maker.layer(), annotations };
      return maker.index([{ ...maker.manifest([layer], { more: { annotations } }), annotations }], {
        more: { annotations },
      });
    },
  ],
  [
    'fields that nobody knows',
    (maker) => maker.manifest([maker.layer()], { more: { 'x-other': { nested: [1, null, 'text'] } } }),
  ],
  [
    'a manifest whose JSON is written in an odd way',
    (maker) => {
      const config = maker.add(mediaTypes.ociConfig, { os: 'linux', architecture: 'arm64' });
      const text = JSON.stringify(
        { layers: [maker.layer()], config, mediaType: mediaTypes.ociManifest, schemaVersion: 2 },
        undefined,
        '\t ',
      );
      return maker.add(mediaTypes.ociManifest, `\n ${text.replace('"os"', '"\\u006fs"')} \r\n`);
    },
  ],
  [
    'an artifact with an empty config',
    (maker) => {
      const config = maker.add(mediaTypes.ociEmpty, '{}');
      return maker.add(mediaTypes.ociManifest, {
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        artifactType: 'application/vnd.example+json',
        config,
        layers: [maker.add('application/json', '{"n":1}')],
      });
    },
  ],
  [
    'an index of five platforms that share a layer',
    (maker) => {
      const shared = maker.layer(20_000);
      return maker.index(
        ['amd64', 'arm64', 'riscv64', 's390x', 'ppc64le'].map((architecture) => ({
          ...maker.manifest([shared, maker.layer()], { architecture }),
          platform: { os: 'linux', architecture },
        })),
      );
    },
  ],
];
