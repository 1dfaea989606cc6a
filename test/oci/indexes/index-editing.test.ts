import {
  addToIndex,
  annotateIndex,
  type Descriptor,
  describeIndex,
  digestOf,
  emptyIndex,
  filterIndex,
  formatPlatformDetails,
  type ImageIndex,
  type IndexType,
  mediaTypes,
  type Platform,
  parsePlatform,
  removeFromIndex,
  withoutAttestations,
} from '@mabuild/oci';
import { expect } from 'chai';

/** An image by a name of ours: `arm64#2` is another image for the same platform. */
function image(
  name: string,
  mediaType: string = mediaTypes.ociManifest,
): Descriptor & { platform: Platform } {
  const [platform = ''] = name.split('#');
  return { mediaType, digest: digestOf(name), size: name.length, platform: parsePlatform(platform) };
}

function attestation(of: string): Descriptor {
  return {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(`attestation of ${of}`),
    size: 1,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digestOf(of),
    },
  };
}

const artifact: Descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf('chart'), size: 5 };

/** Entries from a text: `+NAME` is an attestation of NAME, `chart` an artifact. */
function entries(text: string): readonly Descriptor[] {
  return text.split(' ').flatMap((word) => {
    if (word === '') return [];
    if (word === 'chart') return [artifact];
    return [word.startsWith('+') ? attestation(word.slice(1)) : image(word)];
  });
}

function index(text: string): ImageIndex {
  return { ...emptyIndex, mediaType: mediaTypes.ociIndex, manifests: entries(text) };
}

const names = new Map(
  [
    ...['linux/amd64', 'linux/arm64', 'linux/arm64#2', 'linux/arm64/v8', 'linux/arm/v7', 'linux/arm/v6'],
    ...['windows(10.0.1)/amd64', 'windows(10.0.2)/amd64'],
  ].flatMap((name) => [
    [digestOf(name), name] as const,
    [digestOf(`attestation of ${name}`), `+${name}`] as const,
  ]),
);
names.set(artifact.digest, 'chart');

function shown({ manifests }: Pick<ImageIndex, 'manifests'>): string {
  return manifests.map(({ digest }) => names.get(digest)).join(' ');
}

/** The code, and what the message says, of what a function throws. */
function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`;
  }
  return 'nothing';
}

describe('addToIndex', () => {
  const rows: readonly { to: string; add: string; replace?: boolean; gives: string }[] = [
    { to: '', add: 'linux/amd64 linux/arm/v7', gives: 'linux/amd64 linux/arm/v7' },
    { to: 'linux/arm64 linux/amd64', add: 'linux/arm/v7', gives: 'linux/arm64 linux/amd64 linux/arm/v7' },
    // Attestations come along, and those that are there stay where they are.
    {
      to: 'linux/amd64 +linux/amd64',
      add: 'linux/arm64 +linux/arm64',
      gives: 'linux/amd64 +linux/amd64 linux/arm64 +linux/arm64',
    },
    // What is there already changes nothing.
    { to: 'linux/arm64 +linux/arm64', add: 'linux/arm64 +linux/arm64', gives: 'linux/arm64 +linux/arm64' },
    { to: 'chart linux/amd64', add: 'chart linux/arm64', gives: 'chart linux/amd64 linux/arm64' },
    // A replaced image takes its attestations with it.
    {
      to: 'linux/arm64 linux/amd64 +linux/arm64 +linux/amd64',
      add: 'linux/arm64#2 +linux/arm64#2',
      replace: true,
      gives: 'linux/arm64#2 linux/amd64 +linux/amd64 +linux/arm64#2',
    },
    {
      to: 'windows(10.0.1)/amd64',
      add: 'windows(10.0.2)/amd64',
      gives: 'windows(10.0.1)/amd64 windows(10.0.2)/amd64',
    },
  ];
  for (const { to, add, replace, gives } of rows) {
    it(`adds [${add}] to [${to}]${replace ? ' in place of what is there' : ''}`, () => {
      expect(shown(addToIndex(index(to), entries(add), { replace }))).to.equal(gives);
    });
  }

  it('gives back the index itself when it has everything', () => {
    const present = index('linux/arm64 +linux/arm64');
    expect(addToIndex(present, entries('linux/arm64'))).to.equal(present);
  });

  it('lets one image stand for two platforms', () => {
    const both = [
      image('linux/arm/v6'),
      { ...image('linux/arm/v6'), platform: parsePlatform('linux/arm/v7') },
    ];
    expect(addToIndex(emptyIndex, both).manifests).to.deep.equal(both);
  });

  it('replaces only what may be replaced', () => {
    const replace = ({ digest }: Descriptor): boolean => digest === digestOf('linux/arm64');
    const once = addToIndex(index('linux/arm64'), entries('linux/arm64#2'), { replace });
    expect(shown(once)).to.equal('linux/arm64#2');
    expect(failure(() => addToIndex(once, entries('linux/arm64'), { replace }))).to.match(
      /^DUPLICATE_PLATFORM/,
    );
  });

  const refused: readonly { to: string; add: string; replace?: boolean; says: RegExp }[] = [
    { to: 'linux/arm64', add: 'linux/arm64#2', says: /^DUPLICATE_PLATFORM: .*linux\/arm64 is there twice/ },
    { to: 'linux/arm64', add: 'linux/arm64/v8', says: /^DUPLICATE_PLATFORM/ },
    { to: '', add: 'linux/arm64 linux/arm64#2', says: /^DUPLICATE_PLATFORM/ },
    { to: '', add: 'linux/arm64 linux/arm64#2', replace: true, says: /^DUPLICATE_PLATFORM/ },
  ];
  for (const { to, add, replace, says } of refused) {
    it(`refuses [${add}] beside [${to}]${replace ? ', also to replace' : ''}`, () => {
      expect(failure(() => addToIndex(index(to), entries(add), { replace }))).to.match(says);
    });
  }
});

describe('removeFromIndex and filterIndex', () => {
  const whole =
    'linux/amd64 linux/arm64 linux/arm/v7 chart windows(10.0.1)/amd64 windows(10.0.2)/amd64 +linux/amd64 +linux/arm64';
  const rows: readonly { platforms: string; removed: string; kept: string }[] = [
    {
      platforms: 'linux/arm64',
      removed: 'linux/amd64 linux/arm/v7 chart windows(10.0.1)/amd64 windows(10.0.2)/amd64 +linux/amd64',
      kept: 'linux/arm64 +linux/arm64',
    },
    {
      platforms: 'linux/arm/v7 linux/amd64',
      removed: 'linux/arm64 chart windows(10.0.1)/amd64 windows(10.0.2)/amd64 +linux/arm64',
      kept: 'linux/amd64 linux/arm/v7 +linux/amd64',
    },
    {
      platforms: 'windows/amd64',
      removed: 'linux/amd64 linux/arm64 linux/arm/v7 chart +linux/amd64 +linux/arm64',
      kept: 'windows(10.0.1)/amd64 windows(10.0.2)/amd64',
    },
    {
      platforms: 'windows(10.0.2)/amd64',
      removed: 'linux/amd64 linux/arm64 linux/arm/v7 chart windows(10.0.1)/amd64 +linux/amd64 +linux/arm64',
      kept: 'windows(10.0.2)/amd64',
    },
  ];
  for (const { platforms, removed, kept } of rows) {
    const wanted = platforms.split(' ').map((platform) => parsePlatform(platform));
    it(`removes ${platforms}`, () => {
      expect(shown(removeFromIndex(index(whole), wanted))).to.equal(removed);
    });
    it(`keeps ${platforms}`, () => {
      expect(shown(filterIndex(index(whole), wanted))).to.equal(kept);
    });
  }

  it('says what there is instead of a platform that is not', () => {
    const run = (): unknown => removeFromIndex(index('linux/amd64'), [parsePlatform('linux/arm/v6')]);
    expect(failure(run)).to.equal('PLATFORM_MISSING: the index has no image for linux/arm/v6');
    expect(run).to.throw().with.property('hint', 'it has linux/amd64');
    expect(failure(() => filterIndex(index('linux/amd64'), [parsePlatform('linux/arm/v6')]))).to.match(
      /^PLATFORM_M/,
    );
  });

  it('never leaves an index without images', () => {
    const run = (): unknown => removeFromIndex(index('linux/amd64 chart'), [parsePlatform('linux/amd64')]);
    expect(failure(run)).to.match(/^INDEX_EMPTY/);
  });

  it('takes attestations out', () => {
    expect(shown(withoutAttestations(index('linux/amd64 +linux/amd64 chart')))).to.equal('linux/amd64 chart');
  });
});

describe('annotateIndex', () => {
  it('annotates the index, an image, and takes annotations away', () => {
    const platform = parsePlatform('linux/arm64');
    const once = annotateIndex(index('linux/amd64 linux/arm64'), { title: 'app', url: '' });
    expect(once.annotations).to.deep.equal({ title: 'app', url: '' });
    const twice = annotateIndex(once, { board: 'pi' }, { platform });
    expect(twice.manifests.map(({ annotations }) => annotations)).to.deep.equal([undefined, { board: 'pi' }]);
    const back = annotateIndex(annotateIndex(twice, { board: undefined }, { platform }), {
      title: undefined,
      url: undefined,
    });
    expect(back).to.deep.equal(index('linux/amd64 linux/arm64'));
  });

  it('gives back the index itself when nothing changes', () => {
    const given = annotateIndex(index('linux/amd64'), { a: '1' });
    expect(annotateIndex(given, { a: '1', b: undefined })).to.equal(given);
    const platform = parsePlatform('linux/amd64');
    expect(annotateIndex(given, { b: undefined }, { platform })).to.equal(given);
  });

  it('refuses a platform that is not there', () => {
    const platform = parsePlatform('linux/arm64');
    expect(failure(() => annotateIndex(index('linux/amd64'), { a: '1' }, { platform }))).to.match(
      /^PLATFORM_MISSING/,
    );
  });
});

describe('describeIndex', () => {
  const { ociManifest: oci, dockerManifest: docker, ociIndex, dockerManifestList } = mediaTypes;
  const rows: readonly { of: readonly string[]; was?: string; type?: IndexType; gives: string }[] = [
    { of: [oci, oci], gives: ociIndex },
    { of: [docker, docker], gives: dockerManifestList },
    { of: [docker, docker], type: 'oci', gives: ociIndex },
    { of: [docker, oci], type: 'oci', gives: ociIndex },
    { of: [docker, oci], was: ociIndex, gives: ociIndex },
    { of: [docker, oci], gives: 'MIXED_MEDIA_TYPES' },
    { of: [docker, oci], was: dockerManifestList, gives: 'MIXED_MEDIA_TYPES' },
    { of: [oci], type: 'docker', gives: 'MIXED_MEDIA_TYPES' },
    { of: [docker, oci], type: 'docker', gives: 'MIXED_MEDIA_TYPES' },
  ];
  for (const { of, was, type, gives } of rows) {
    const what = of.map((mediaType) => (mediaType === oci ? 'OCI' : 'Docker')).join(' and ');
    it(`writes ${what} images${was ? ` of a ${was}` : ''}${type ? ` as ${type}` : ''} as ${gives}`, () => {
      const manifests = of.map((mediaType, at) => image(at === 0 ? 'linux/amd64' : 'linux/arm64', mediaType));
      const given = { ...emptyIndex, ...(was && { mediaType: was }), manifests };
      if (!gives.includes('/')) {
        expect(failure(() => describeIndex(given, type))).to.contain(`${gives}: `);
        return;
      }
      const { descriptor, bytes } = describeIndex(given, type);
      expect(descriptor).to.deep.equal({ mediaType: gives, digest: digestOf(bytes), size: bytes.length });
      expect(JSON.parse(bytes.toString())).to.deep.equal({ schemaVersion: 2, mediaType: gives, manifests });
    });
  }

  it('has no annotations in a manifest list', () => {
    const given = { ...emptyIndex, manifests: [image('linux/amd64', docker)], annotations: { a: 'b' } };
    expect(failure(() => describeIndex(given, 'docker'))).to.match(
      /^MIXED_MEDIA_TYPES: .*has no annotations/,
    );
  });

  it('writes platforms as they are', () => {
    const v8 = { ...image('linux/arm64'), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };
    const { manifests } = JSON.parse(describeIndex({ ...emptyIndex, manifests: [v8] }).bytes.toString());
    expect(formatPlatformDetails(manifests[0].platform)).to.equal('linux/arm64/v8');
  });
});
