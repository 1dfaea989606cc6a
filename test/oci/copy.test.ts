import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  copyBlobs,
  copyImage,
  type Descriptor,
  digestOf,
  type ImageIndex,
  type ImageReference,
  type ImageSink,
  type ImageSource,
  makeIndex,
  mediaTypes,
  type PushEvent,
  parseImageIndex,
  parseReference,
  withRoot,
} from '@mabuild/oci';
import { expect } from 'chai';
import { type MemoryImage, makeIndex as testIndex } from '../support/image.ts';
import { makeImage } from '../support/made-image.ts';
import { rejection } from '../support/rejection.ts';

describe('oci copyImage', () => {
  it('puts blobs before their manifest, manifests before their index, and the name last', async () => {
    const image = testIndex(['linux/amd64', 'linux/arm64', 'linux/arm/v7']);
    const sink = new MemorySink();
    await copyImage(image.source, sink, { tags: ['1', '2'] });
    expect(sink.done.slice(-2)).to.deep.equal([`1=${image.root.digest}`, `2=${image.root.digest}`]);
    expect(sink.done).to.have.lengthOf(image.contents.length - 1 + 2);
    for (const { descriptor, bytes } of image.contents) {
      for (const child of childrenOf(descriptor, bytes)) {
        const own = sink.done.findIndex((line) => line.endsWith(descriptor.digest));
        expect(sink.done.indexOf(child.digest)).to.be.within(0, own - 1);
      }
    }
  });

  it('puts the root by its digest when there is no name', async () => {
    const image = testIndex(['linux/amd64']);
    const sink = new MemorySink();
    expect(await copyImage(image.source, sink)).to.deep.equal(image.root);
    expect(sink.done.at(-1)).to.equal(image.root.digest);
  });

  it('sends a layer that images share once', async () => {
    const layers = [[{ path: 'a', content: 'a' }]];
    const image = makeImage(
      { platform: 'linux/amd64', layers },
      { platform: 'linux/arm64', layers },
      { platform: 'linux/arm/v7', layers },
    );
    const sink = new MemorySink();
    await copyImage(image, sink, { tags: ['1'] });
    expect(sink.done.filter((line) => line === image.layers[0]?.[0])).to.have.lengthOf(1);
  });

  it('sends what was sent ahead no second time, and waits for it', async () => {
    const layers = [[{ path: 'a', content: 'a' }], [{ path: 'b', content: 'b' }]];
    const image = makeImage({ platform: 'linux/amd64', layers }, { platform: 'linux/arm64', layers });
    const [first = '', second = ''] = image.layers[0] ?? [];
    const sink = new MemorySink();
    const underway = new Map<string, Promise<void>>();
    const events: string[] = [];
    const options = {
      ...{ underway, signal: new AbortController().signal },
      onEvent: ({ descriptor, state }: PushEvent) => void events.push(`${descriptor.digest} ${state}`),
    };
    const ahead = {
      mediaType: mediaTypes.ociLayerGzip,
      digest: first,
      size: (await sizeOf(image, first)) ?? 0,
    };
    const sending = copyBlobs(image, sink, [ahead], options);
    await copyImage(image, sink, { ...options, tags: ['1'] });
    await sending;
    for (const digest of [first, second]) {
      expect(sink.done.filter((line) => line === digest)).to.have.lengthOf(1);
      expect(events.filter((line) => line === `${digest} sent`)).to.have.lengthOf(1);
    }
    expect(sink.done.at(-1)).to.equal(`1=${image.root.digest}`);
  });

  it('fails with what was sent ahead', async () => {
    const image = makeImage({ platform: 'linux/amd64', layers: [[{ path: 'a', content: 'a' }]] });
    const [[first = ''] = []] = image.layers;
    const sink = new MemorySink();
    const underway = new Map([[first, Promise.reject(new Error('denied'))]]);
    expect(await rejection(copyImage(image, sink, { underway, tags: ['1'] }))).to.have.property(
      'message',
      'denied',
    );
    expect(sink.done).not.to.include(`1=${image.root.digest}`);
  });

  it('sends nothing that is there, and nothing below it', async () => {
    const image = testIndex(['linux/amd64', 'linux/arm64']);
    const sink = new MemorySink();
    await copyImage(image.source, sink, { tags: ['1'] });
    sink.done.length = 0;
    await copyImage(image.source, sink, { tags: ['2'] });
    expect(sink.done).to.deep.equal([`2=${image.root.digest}`]);
    sink.done.length = 0;
    const events = await eventsOf(image.source, sink, ['1', '2']);
    expect([sink.done, events.map(({ state }) => state)]).to.deep.equal([[], ['exists']]);
  });

  for (const [granted, states] of [
    [true, ['exists', 'mounted']],
    [false, ['exists', 'sending', 'sent']],
  ] as const) {
    it(`mounts when the sink ${granted ? 'can' : 'cannot'}`, async () => {
      const image = testIndex(['linux/amd64']);
      const [layer, config, manifest] = image.contents.map(({ descriptor }) => descriptor);
      const sink = new MemorySink(granted);
      sink.has = async ({ digest }) => digest === config?.digest;
      const from = parseReference('registry.example/base:1');
      const source: ImageSource = {
        ...image.source,
        mountableFrom: ({ digest }) => (digest === layer?.digest ? from : undefined),
      };
      const events = await eventsOf(source, sink, ['1']);
      const blobs = events.filter(({ descriptor }) => descriptor.digest !== manifest?.digest);
      expect([...new Set(blobs.map(({ state }) => state))].sort()).to.deep.equal(states);
      expect(sink.asked).to.deep.equal([from]);
      expect(new Set(blobs.map(({ platform }) => platform?.architecture))).to.deep.equal(new Set(['amd64']));
    });
  }

  it('keeps to the number of jobs', async () => {
    const sink = new MemorySink();
    await copyImage(testIndex(['linux/amd64', 'linux/arm64', 'linux/arm/v7']).source, sink, { jobs: 2 });
    expect(sink.most).to.be.within(1, 2);
  });

  it('leaves foreign layers where they are', async () => {
    const foreign = { mediaType: mediaTypes.dockerForeignLayerGzip, digest: digestOf('far away'), size: 8 };
    const config = { mediaType: mediaTypes.ociConfig, digest: digestOf('{}'), size: 2 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [foreign] }));
    const root = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
    const contents = new Map([
      [root.digest, bytes],
      [config.digest, Buffer.from('{}')],
    ]);
    const read = async ({ digest }: Descriptor): Promise<Readable> => Readable.from([contents.get(digest)]);
    const sink = new MemorySink();
    await copyImage({ root, read }, sink);
    expect(sink.done).to.deep.equal([config.digest, root.digest]);
  });

  it('stops at the first failure, and names nothing', async () => {
    const image = testIndex(['linux/amd64', 'linux/arm64']);
    const failure = new Error('full');
    const sink = new MemorySink();
    const put = sink.put.bind(sink);
    sink.put = (descriptor, open) =>
      descriptor.mediaType === mediaTypes.ociConfig ? Promise.reject(failure) : put(descriptor, open);
    expect(await rejection(copyImage(image.source, sink, { tags: ['1'] }))).to.equal(failure);
    expect(sink.done.filter((line) => line.includes('='))).to.deep.equal([]);
    expect(sink.running).to.equal(0);
  });

  it('passes on the reason of an abort, before and during', async () => {
    const image = testIndex(['linux/amd64']);
    const reason = new Error('enough');
    const early = copyImage(image.source, new MemorySink(), { signal: AbortSignal.abort(reason) });
    expect(await rejection(early)).to.equal(reason);
    const abort = new AbortController();
    const sink = new MemorySink();
    sink.put = async (_descriptor, _open, options) => {
      abort.abort(reason);
      options?.signal?.throwIfAborted();
    };
    expect(await rejection(copyImage(image.source, sink, { tags: ['1'], signal: abort.signal }))).to.equal(
      reason,
    );
  });
});

describe('oci makeIndex', () => {
  const child = (
    architecture: string,
    variant?: string,
    mediaType: string = mediaTypes.ociManifest,
  ): Descriptor => ({
    mediaType,
    digest: digestOf(architecture + variant),
    size: 1,
    platform: { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) },
  });

  it('lists its children in order, with their platforms', () => {
    const children = [child('amd64'), child('arm64'), child('arm', 'v7'), child('arm', 'v6')];
    const { descriptor, bytes } = makeIndex(children, { annotations: { a: 'b' } });
    expect([descriptor.digest, descriptor.size]).to.deep.equal([digestOf(bytes), bytes.length]);
    const index: ImageIndex = parseImageIndex(bytes);
    expect([index.manifests, index.annotations, index.mediaType]).to.deep.equal([
      children,
      { a: 'b' },
      mediaTypes.ociIndex,
    ]);
  });

  it("makes Docker's list of Docker's manifests", () => {
    const { descriptor } = makeIndex([child('amd64', undefined, mediaTypes.dockerManifest)], {
      type: 'docker',
    });
    expect(descriptor.mediaType).to.equal(mediaTypes.dockerManifestList);
  });

  const { platform: _, ...nowhere } = child('amd64');
  for (const [what, children, type, code] of [
    ['a platform twice', [child('amd64'), child('amd64')], 'oci', 'DUPLICATE_PLATFORM'],
    ['a platform twice under two names', [child('arm64'), child('arm64', 'v8')], 'oci', 'DUPLICATE_PLATFORM'],
    ['a child without a platform', [nowhere], 'oci', 'PLATFORM_MISSING'],
    ["an OCI manifest in Docker's list", [child('amd64')], 'docker', 'MIXED_MEDIA_TYPES'],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => makeIndex(children, { type }))
        .to.throw()
        .with.property('code', code);
    });
  }
});

describe('oci withRoot', () => {
  it('reads from the first source that has it, and says when none has', async () => {
    const [first, second] = [
      makeImage({ platform: 'linux/amd64', layers: [[{ path: 'a' }]] }),
      makeImage({ platform: 'linux/arm64', layers: [[{ path: 'b' }]] }),
    ];
    const index = makeIndex(
      [first, second].flatMap((image) => parseImageIndex(image.blobs.get(image.root.digest)).manifests),
    );
    const sink = new MemorySink();
    await copyImage(withRoot(index, [first, second]), sink, { tags: ['1'] });
    expect(sink.done).to.have.lengthOf(2 * 3 + 1);
    expect((await rejection(withRoot(index, [first]).read(second.root))).code).to.equal('BLOB_NOT_FOUND');
  });
});

/** Remembers what was done to it, in order. */
class MemorySink implements ImageSink {
  readonly done: string[] = [];
  readonly #there = new Set<string>();
  readonly asked: ImageReference[] = [];
  readonly #grants: boolean;
  running = 0;
  most = 0;

  constructor(grants = false) {
    this.#grants = grants;
  }

  async has({ digest }: Descriptor): Promise<boolean> {
    return this.#there.has(digest);
  }

  async mount(_descriptor: Descriptor, from: ImageReference): Promise<boolean> {
    this.asked.push(from);
    return this.#grants;
  }

  async put(...[descriptor, open, options]: Parameters<ImageSink['put']>): Promise<void> {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    let written = 0;
    for await (const chunk of await open()) written += (chunk as Buffer).length;
    await new Promise((resolve) => setTimeout(resolve, 1));
    options?.onBytes?.(written);
    this.done.push(descriptor.digest);
    this.#there.add(descriptor.digest);
    this.running -= 1;
  }

  async tagged(name: string, { digest }: Descriptor): Promise<boolean> {
    return this.#there.has(`${name}=${digest}`);
  }

  async tag(name: string, { digest }: Descriptor): Promise<void> {
    this.done.push(`${name}=${digest}`);
    this.#there.add(`${name}=${digest}`);
  }
}

/** Bytes of a blob of the first image. */
async function sizeOf(source: ImageSource, digest: string): Promise<number | undefined> {
  const { manifests } = JSON.parse((await buffer(await source.read(source.root))).toString());
  const { layers } = JSON.parse((await buffer(await source.read(manifests[0]))).toString());
  return layers.find((layer: Descriptor) => layer.digest === digest)?.size;
}

function childrenOf(
  { mediaType }: Descriptor,
  bytes: MemoryImage['contents'][number]['bytes'],
): readonly Descriptor[] {
  if (mediaType === mediaTypes.ociIndex) return JSON.parse(bytes.toString()).manifests;
  if (mediaType !== mediaTypes.ociManifest) return [];
  const { config, layers } = JSON.parse(bytes.toString());
  return [config, ...layers];
}

async function eventsOf(
  source: ImageSource,
  sink: ImageSink,
  tags: readonly string[],
): Promise<readonly PushEvent[]> {
  const events: PushEvent[] = [];
  await copyImage(source, sink, { tags, onEvent: (event) => events.push(event) });
  return events;
}
