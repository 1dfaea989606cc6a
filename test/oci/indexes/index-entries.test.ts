import { Readable } from 'node:stream';
import {
  type Descriptor,
  digestOf,
  formatPlatformDetails,
  mediaTypes,
  type Platform,
  parsePlatform,
  readIndexEntries,
} from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';

/** Documents in memory, and what was made of them. */
class Store {
  readonly #contents = new Map<string, Buffer>();

  add(mediaType: string, document: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    this.#contents.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  image(platform: Partial<Platform>, mediaType: string = mediaTypes.ociManifest): Descriptor {
    const rootfs = { type: 'layers', diff_ids: [] };
    const config = this.add(mediaTypes.ociConfig, { ...platform, rootfs });
    return this.add(mediaType, { schemaVersion: 2, config, layers: [] });
  }

  artifact(): Descriptor {
    const config = this.add(mediaTypes.ociEmpty, {});
    return this.add(mediaTypes.ociManifest, { schemaVersion: 2, config, layers: [] });
  }

  index(...manifests: readonly Descriptor[]): Descriptor {
    return this.add(mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  }

  entries(
    root: Descriptor,
    options?: Parameters<typeof readIndexEntries>[1],
  ): Promise<readonly Descriptor[]> {
    const read = async ({ digest }: Descriptor): Promise<Readable> => {
      const bytes = this.#contents.get(digest);
      if (!bytes) throw new Error(`nobody made ${digest}`);
      return Readable.from([bytes], { objectMode: false });
    };
    return readIndexEntries({ root, read }, options);
  }
}

function platforms(found: readonly Descriptor[]): readonly string[] {
  return found.map(({ platform }) => (platform ? formatPlatformDetails(platform) : 'none'));
}

const linux = (architecture: string, variant?: string): Platform => ({
  os: 'linux',
  architecture,
  ...(variant !== undefined && { variant }),
});

describe('readIndexEntries', () => {
  let store: Store;
  beforeEach(() => {
    store = new Store();
  });

  const alone: readonly { config: Platform; gives: string }[] = [
    { config: linux('amd64'), gives: 'linux/amd64' },
    { config: linux('arm', 'v6'), gives: 'linux/arm/v6' },
    { config: linux('arm'), gives: 'linux/arm/v7' },
    { config: linux('arm', '7'), gives: 'linux/arm/v7' },
    { config: linux('arm64', 'v8'), gives: 'linux/arm64' },
    { config: linux('aarch64'), gives: 'linux/arm64' },
    {
      config: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1', 'os.features': ['win32k'] },
      gives: 'windows(10.0.1+win32k)/amd64',
    },
  ];
  for (const { config, gives } of alone) {
    it(`gives an image of config ${formatPlatformDetails(config)} the platform ${gives}`, async () => {
      expect(platforms(await store.entries(store.image(config)))).to.deep.equal([gives]);
    });
  }

  const listed: readonly { entry?: Platform; config: Platform; gives: string }[] = [
    { entry: linux('arm'), config: linux('arm', 'v6'), gives: 'linux/arm/v6' },
    { entry: linux('arm'), config: linux('arm'), gives: 'linux/arm/v7' },
    { entry: linux('arm', 'v7'), config: linux('arm'), gives: 'linux/arm/v7' },
    { entry: linux('amd64'), config: linux('amd64', 'v3'), gives: 'linux/amd64/v3' },
    { entry: linux('arm64', 'v8'), config: linux('arm64'), gives: 'linux/arm64/v8' },
    { entry: linux('arm64'), config: linux('arm64', 'v8'), gives: 'linux/arm64' },
    { entry: linux('x86_64'), config: linux('amd64'), gives: 'linux/amd64' },
    { config: linux('arm', 'v6'), gives: 'linux/arm/v6' },
    {
      entry: { os: 'windows', architecture: 'amd64' },
      config: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1' },
      gives: 'windows(10.0.1)/amd64',
    },
  ];
  for (const { entry, config, gives } of listed) {
    const name = entry ? formatPlatformDetails(entry) : 'no platform';
    it(`gives an entry of ${name} and config ${formatPlatformDetails(config)} the platform ${gives}`, async () => {
      const root = store.index({ ...store.image(config), ...(entry && { platform: entry }) });
      expect(platforms(await store.entries(root))).to.deep.equal([gives]);
    });
  }

  it('leaves an entry that is complete as it is', async () => {
    const entry = {
      ...store.image(linux('arm64')),
      annotations: { board: 'pi' },
      platform: linux('arm64', 'v8'),
    };
    expect(await store.entries(store.index(entry))).to.deep.equal([entry]);
  });

  it('flattens indexes within indexes, each image once', async () => {
    const [a, b, c] = ['amd64', 'arm64', 'arm'].map((name) => store.image(linux(name)));
    const inner = store.index(b!, c!);
    const root = store.index({ ...inner, platform: linux('arm') }, a!, store.index(inner, a!));
    expect(platforms(await store.entries(root))).to.deep.equal([
      'linux/arm64',
      'linux/arm/v7',
      'linux/amd64',
    ]);
  });

  it('passes attestations and artifacts on as they are', async () => {
    const image = { ...store.image(linux('arm64')), platform: linux('arm64') };
    const attestation = {
      ...store.artifact(),
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': image.digest,
      },
    };
    const chart = store.artifact();
    expect(await store.entries(store.index(image, attestation, chart))).to.deep.equal([
      image,
      attestation,
      chart,
    ]);
  });

  it('leaves a signature in an index as it is', async () => {
    const signature = store.image({ os: '', architecture: '' });
    const image = { ...store.image(linux('arm64')), platform: linux('arm64') };
    expect(await store.entries(store.index(image, signature))).to.deep.equal([image, signature]);
  });

  it('lets a platform given by hand win, also for the only image of an index', async () => {
    const platform = parsePlatform('linux/arm/v6');
    const image = store.image(linux('amd64'));
    expect(platforms(await store.entries(image, { platform }))).to.deep.equal(['linux/arm/v6']);
    const root = store.index({ ...image, platform: linux('amd64') });
    expect(platforms(await store.entries(root, { platform }))).to.deep.equal(['linux/arm/v6']);
    expect(platforms(await store.entries(store.artifact(), { platform }))).to.deep.equal(['linux/arm/v6']);
  });

  it('takes a lie only when told to', async () => {
    const root = store.index({ ...store.image(linux('amd64')), platform: linux('arm64') });
    expect(platforms(await store.entries(root, { verify: false }))).to.deep.equal(['linux/arm64']);
  });

  const refused: readonly {
    what: string;
    make: (store: Store) => Descriptor;
    platform?: string;
    code: string;
    says: RegExp;
  }[] = [
    {
      what: 'a platform by hand for two images',
      make: (one) => one.index(one.image(linux('amd64')), one.image(linux('arm64'))),
      platform: 'linux/arm64',
      code: 'PLATFORM_MISSING',
      says: /index of 2 images/,
    },
    {
      what: 'an artifact without a platform',
      make: (one) => one.artifact(),
      code: 'PLATFORM_MISSING',
      says: /is an artifact \(application\/vnd\.oci\.empty\.v1\+json\)/,
    },
    {
      what: 'a signature, whose config is an image without a platform',
      make: (one) => one.image({ os: '', architecture: '' }),
      code: 'PLATFORM_MISSING',
      says: /the config of sha256:.* names no platform/,
    },
    {
      what: 'an entry that its config contradicts',
      make: (one) => one.index({ ...one.image(linux('amd64')), platform: linux('arm64') }),
      code: 'VERIFICATION_FAILED',
      says: /listed for linux\/arm64, and its config says linux\/amd64/,
    },
    {
      what: 'a variant that its config contradicts',
      make: (one) => one.index({ ...one.image(linux('arm', 'v7')), platform: linux('arm', 'v6') }),
      code: 'VERIFICATION_FAILED',
      says: /listed for linux\/arm\/v6, and its config says linux\/arm\/v7/,
    },
    {
      what: 'indexes within indexes without end',
      make: (one) => {
        let root = one.image(linux('amd64'));
        for (let depth = 0; depth < 6; depth += 1) root = one.index(root);
        return root;
      },
      code: 'INVALID_INDEX',
      says: /indexes within indexes/,
    },
    {
      what: 'more indexes than anybody has',
      make: (one) => {
        const image = one.image(linux('amd64'));
        const of = (name: string): Descriptor => one.index({ ...image, annotations: { name } });
        return one.index(...Array.from({ length: 101 }, (_, at) => of(String(at))));
      },
      code: 'INVALID_INDEX',
      says: /101 indexes within indexes/,
    },
    {
      what: 'a config that is none',
      make: (one) => one.image({ os: 'linux' }),
      code: 'INVALID_CONFIG',
      says: /architecture/,
    },
  ];
  for (const { what, make, platform, code, says } of refused) {
    it(`refuses ${what}`, async () => {
      const options = platform === undefined ? {} : { platform: parsePlatform(platform) };
      const error = await rejection(store.entries(make(store), options));
      expect(error.message).to.match(says);
      expect(error).to.have.property('code', code);
    });
  }
});
