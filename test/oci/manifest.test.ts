import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  chooseManifest,
  configPlatform,
  digestOf,
  formatPlatform,
  isAttestation,
  mediaTypes,
  openLayout,
  parseAnyManifest,
  parseDescriptor,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
} from '@mabuild/oci';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

const digest = digestOf('x');
const config = { mediaType: mediaTypes.ociConfig, digest, size: 1 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 1 };
const child = { mediaType: mediaTypes.ociManifest, digest, size: 1 };
const manifest = { schemaVersion: 2, config, layers: [layer] };
const index = { schemaVersion: 2, manifests: [child, child] };
const imageConfig = { os: 'linux', architecture: 'arm', rootfs: { type: 'layers', diff_ids: [digest] } };

describe('documents', () => {
  it('reads text, bytes and parsed JSON alike, and keeps fields that it does not know', () => {
    const text = JSON.stringify({ ...manifest, 'x-other': { a: 1 } });
    for (const input of [text, Buffer.from(text), JSON.parse(text)]) {
      expect(parseImageManifest(input)).to.deep.equal({ ...manifest, 'x-other': { a: 1 } });
    }
  });

  it('takes null for absent, as the Go programs that write it do', () => {
    const nulls = parseImageManifest({ ...manifest, annotations: null, subject: null, layers: null });
    expect(nulls).to.deep.equal({ ...manifest, layers: [] });
    const entry = { ...child, platform: null, annotations: null };
    expect(parseImageIndex({ ...index, manifests: [entry] }).manifests).to.deep.equal([child]);
    const read = parseImageConfig({ ...imageConfig, config: { Env: null, Volumes: null, Entrypoint: null } });
    expect(formatPlatform(configPlatform(read))).to.equal('linux/arm');
  });

  it('tells an index from a manifest', () => {
    expect(parseAnyManifest(JSON.stringify(index)).kind).to.equal('index');
    expect(parseAnyManifest(JSON.stringify(manifest)).kind).to.equal('manifest');
    expect(parseAnyManifest(manifest, mediaTypes.dockerManifest).kind).to.equal('manifest');
    expect(() => parseAnyManifest(manifest, mediaTypes.ociIndex))
      .to.throw()
      .that.has.property('code', 'INVALID_INDEX');
  });

  it('knows attestations and never chooses one', () => {
    const attestation = {
      ...child,
      platform: { os: 'linux', architecture: 'arm64' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const image = { ...child, size: 2, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };
    expect(isAttestation(attestation)).to.equal(true);
    expect(isAttestation(image)).to.equal(false);
    const parsed = parseImageIndex({ schemaVersion: 2, manifests: [attestation, image] });
    expect(chooseManifest(parsed, { os: 'linux', architecture: 'arm64' })?.size).to.equal(2);
    expect(chooseManifest(parsed, { os: 'linux', architecture: 's390x' })).to.equal(undefined);
  });

  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const bad: readonly (readonly [string, () => unknown, string, RegExp])[] = [
    ['no JSON', () => parseImageManifest('{'), 'INVALID_MANIFEST', /image manifest: it is not JSON/],
    [
      'bytes that are no UTF-8',
      () => parseImageIndex(Buffer.from([0xff, 0xfe])),
      'INVALID_INDEX',
      /not JSON/,
    ],
    ['null', () => parseImageConfig('null'), 'INVALID_CONFIG', /is null, expected an object/],
    ['an array', () => parseImageConfig('[]'), 'INVALID_CONFIG', /is an array/],
    ['undefined', () => parseImageManifest(undefined), 'INVALID_MANIFEST', /is missing/],
    ['nested garbage', () => parseImageIndex(deep), 'INVALID_INDEX', /is an array|not JSON/],
    [
      'garbage in a field',
      () => parseImageIndex(`{"schemaVersion":2,"manifests":${deep}}`),
      'INVALID_INDEX',
      /manifests\[0\] is an array|not JSON/,
    ],
    [
      'a field of an entry',
      () => parseImageIndex({ ...index, manifests: [child, child, { ...child, digest: 'sha256:0' }] }),
      'INVALID_INDEX',
      /manifests\[2\]\.digest is "sha256:0", which is no digest/,
    ],
    [
      'a field of a field of an entry',
      () => parseImageIndex({ ...index, manifests: [{ ...child, platform: { os: 'linux' } }] }),
      'INVALID_INDEX',
      /manifests\[0\]\.platform\.architecture is missing, expected a string/,
    ],
    [
      'an annotation',
      () => parseImageManifest({ ...manifest, annotations: { a: 1 } }),
      'INVALID_MANIFEST',
      /annotations\.a is a number/,
    ],
    [
      'a size with a fraction',
      () => parseImageManifest({ ...manifest, config: { ...config, size: 1.5 } }),
      'INVALID_MANIFEST',
      /config\.size is 1\.5, expected a number of bytes/,
    ],
    [
      'a manifest that is an index too',
      () => parseImageManifest({ ...manifest, manifests: [] }),
      'INVALID_MANIFEST',
      /manifests has no place/,
    ],
    [
      'an index that is a manifest too',
      () => parseImageIndex({ ...index, layers: [] }),
      'INVALID_INDEX',
      /layers has/,
    ],
    [
      'schema 1',
      () => parseAnyManifest({ schemaVersion: 1, fsLayers: [] }),
      'UNSUPPORTED_MANIFEST',
      /schema 1/,
    ],
    ['schema 3', () => parseAnyManifest({ schemaVersion: 3 }), 'INVALID_MANIFEST', /schemaVersion is 3/],
    [
      'a great manifest',
      () => parseImageManifest(Buffer.alloc(5 * 1024 * 1024, ' ')),
      'INVALID_MANIFEST',
      /5242880 bytes, more than/,
    ],
    [
      'diff_ids',
      () => parseImageConfig({ ...imageConfig, rootfs: { type: 'layers', diff_ids: ['x'] } }),
      'INVALID_CONFIG',
      /rootfs\.diff_ids\[0\] is no digest/,
    ],
    [
      'history',
      () => parseImageConfig({ ...imageConfig, history: [{}, { empty_layer: 'yes' }] }),
      'INVALID_CONFIG',
      /history\[1\]\.empty_layer/,
    ],
    ['base64', () => parseDescriptor({ ...layer, data: '@@@@' }), 'INVALID_DESCRIPTOR', /data is not base64/],
  ];
  for (const [title, read, code, message] of bad) {
    it(`refuses ${title}`, () => {
      expect(read).to.throw(message).that.has.property('code', code);
    });
  }

  it('names where a document comes from, and never prints a variable that may be a secret', () => {
    const broken = { ...imageConfig, config: { Env: ['A=1', 'hunter2'] } };
    expect(() => parseImageConfig(broken, { of: 'app:1' }))
      .to.throw('reading image config of app:1: config.Env[1] is not NAME=value')
      .that.has.property('code', 'INVALID_CONFIG');
  });
});

interface DocumentVector {
  readonly kind: string;
  readonly document: string;
  readonly valid: boolean;
  readonly note: string;
}

/** Rows whose verdict is not followed, by the words of their note. */
const otherVerdict: ReadonlyMap<string, { readonly accepted: boolean; readonly because: string }> = new Map([
  [
    'expected failure: empty layer, expected at least one',
    {
      accepted: true,
      because:
        'the JSON schema asks for a layer, the text of the spec only recommends one, and FROM scratch + ENV makes none',
    },
  ],
  [
    'expected success: test for those who cannot use modulo arithmetic to recover padding.',
    { accepted: true, because: "the row's own note expects success, and the grammar of digests allows =" },
  ],
]);

const readers: Readonly<Record<string, (input: string) => unknown>> = {
  index: parseImageIndex,
  manifest: parseImageManifest,
  config: parseImageConfig,
  descriptor: parseDescriptor,
};

/** What reading a document of a kind throws; a layout is a folder. */
async function refusalOf(kind: string, document: string): Promise<string | undefined> {
  try {
    if (kind === 'layout') await readLayout(document);
    else readers[kind]?.(document);
    return undefined;
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

async function readLayout(document: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mabuild-layout-'));
  try {
    await writeFile(join(directory, 'oci-layout'), document);
    await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [child] }));
    await openLayout(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

registryVectors<DocumentVector>('oci-documents.json', {
  title: ({ kind, note }, row) => `${row} ${kind}: ${note}`,
  departs: ({ note }) => otherVerdict.get(note)?.because,
  async check({ kind, document, valid, note }) {
    const other = otherVerdict.get(note);
    const code = kind === 'layout' ? 'LAYOUT_INVALID' : `INVALID_${kind.toUpperCase()}`;
    expect(await refusalOf(kind, document)).to.equal((other?.accepted ?? valid) ? undefined : code);
    expect(other?.accepted).to.not.equal(valid);
  },
});

interface ChoiceVector {
  readonly list: string;
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
  readonly digest: string | null;
}

/** Choices that skopeo and podman make otherwise than docker and containerd, whose rule this is. */
const chosenOtherwise: ReadonlyMap<string, { readonly index: number | undefined; readonly because: string }> =
  new Map([
    [
      'schema2list-variants.json linux/arm/v7',
      { index: 3, because: 'an entry linux/arm is arm/v7 to containerd, so it is better than v6' },
    ],
    [
      'schema2list-variants.json linux/arm/v5',
      {
        index: undefined,
        because: 'an entry linux/arm is arm/v7 to containerd, which a v5 processor cannot run',
      },
    ],
    [
      'schema2list-variants.json linux/arm/unrecognized-not-present',
      { index: undefined, because: 'containerd does not fall back from a variant that it does not know' },
    ],
  ]);

const choiceName = ({ list, os, architecture, variant }: ChoiceVector): string =>
  `${list} ${formatPlatform({ os, architecture, ...(variant === '' ? {} : { variant }) })}`;

registryVectors<ChoiceVector, { lists: Readonly<Record<string, unknown>> }>(
  'index-choose-containers-image.json',
  {
    title: choiceName,
    departs: (row) => chosenOtherwise.get(choiceName(row))?.because,
    check(row, { lists }) {
      const { list, os, architecture, variant, digest: expected } = row;
      const parsed = parseImageIndex(lists[list]);
      const host = { os, architecture, ...(variant === '' ? {} : { variant }) };
      const chosen = chooseManifest(parsed, host)?.digest ?? null;
      const other = chosenOtherwise.get(choiceName(row));
      if (other === undefined) {
        expect(chosen).to.equal(expected);
        return;
      }
      const entry = other.index === undefined ? undefined : parsed.manifests[other.index];
      expect(chosen).to.equal(entry?.digest ?? null);
      expect(chosen).to.not.equal(expected);
    },
  },
);
