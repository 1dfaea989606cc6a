import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  copyImage,
  copyImages,
  createLayoutSink,
  createOciArchiveSink,
  type Descriptor,
  digestOf,
  type ImageSink,
  type ImageSource,
  layoutTags,
  mediaTypes,
  ociArchiveTags,
  openLayout,
  openOciArchive,
  referrerDescriptor,
  referrersTag,
} from '@mabuild/oci';
import { expect } from 'chai';
import { type MemoryImage, makeIndex } from '../support/image.ts';

const empty = Buffer.from('{}');
const emptyDescriptor = { mediaType: mediaTypes.ociEmpty, digest: digestOf(empty), size: 2 };

describe('oci/referrers', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-referrers-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  for (const [digest, tag] of [
    [`sha256:${'a'.repeat(64)}`, `sha256-${'a'.repeat(64)}`],
    [`sha512:${'b'.repeat(128)}`, `sha512-${'b'.repeat(64)}`],
  ] as const) {
    it(`lists the referrers of ${digest.slice(0, 12)}… under ${tag.slice(0, 12)}…`, () => {
      expect(referrersTag(digest)).to.equal(tag);
    });
  }

  const described: readonly (readonly [string, object, object])[] = [
    [
      'its own type and annotations',
      { artifactType: 'application/x', annotations: { a: '1' }, config: emptyDescriptor, layers: [] },
      { artifactType: 'application/x', annotations: { a: '1' } },
    ],
    [
      'the type of its config',
      { config: { ...emptyDescriptor, mediaType: 'application/y' }, layers: [] },
      { artifactType: 'application/y' },
    ],
  ];
  for (const [what, document, more] of described) {
    it(`describes a referrer by ${what}`, () => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
      const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
      expect(
        referrerDescriptor({ ...descriptor, platform: { os: 'x', architecture: 'y' } }, bytes),
      ).to.deep.equal({
        ...descriptor,
        ...more,
      });
    });
  }

  it('copies signatures of the index and of its images, and what is signed therein, into a layout and on', async () => {
    const image = makeIndex(['linux/amd64', 'linux/arm64']);
    const child = image.contents.find(({ descriptor }) => descriptor.mediaType === mediaTypes.ociManifest)!;
    const signed = withReferrers(image, [
      [image.root.digest, 'sbom'],
      [child.descriptor.digest, 'provenance'],
    ]);
    const first = join(directory, 'first');
    await copyImage(signed.source, await createLayoutSink(first), { tags: ['1'], referrers: true });
    expect(await layoutTags(first)).to.deep.equal(['1']);

    const source = await openLayout(first);
    expect(source.root.digest).to.equal(image.root.digest);
    const archive = join(directory, 'second.tar');
    const sink = await createOciArchiveSink(archive);
    await copyImage(source, sink, { tags: ['2'], referrers: true });
    await sink.close();
    expect(await ociArchiveTags(archive)).to.deep.equal(['2']);

    const last = await openOciArchive(archive);
    const [sbom] = (await last.referrers?.(image.root)) ?? [];
    const [provenance] = (await last.referrers?.(child.descriptor)) ?? [];
    expect([sbom?.artifactType, provenance?.artifactType]).to.deep.equal([
      'application/sbom',
      'application/provenance',
    ]);
    const [signature] = (await last.referrers?.(sbom!)) ?? [];
    expect(signature?.artifactType).to.equal('application/signature');
    expect((await buffer(await last.read(signature!))).length).to.equal(signature?.size);
  });

  it('copies no referrers unless asked', async () => {
    const image = makeIndex(['linux/amd64']);
    const signed = withReferrers(image, [[image.root.digest, 'sbom']]);
    await copyImage(signed.source, await createLayoutSink(directory), { tags: ['1'] });
    const { manifests } = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
    expect(manifests).to.have.length(1);
  });

  it('copies what was signed later', async () => {
    const image = makeIndex(['linux/amd64']);
    await copyImage(image.source, await createLayoutSink(directory), { tags: ['1'] });
    const sink = await createLayoutSink(directory);
    for (const name of ['sbom', 'provenance']) {
      const { source } = withReferrers(image, [[image.root.digest, name]]);
      await copyImage(source, sink, { tags: ['1'], referrers: true });
      await copyImage(source, sink, { tags: ['1'], referrers: true });
    }
    const found = (await (await openLayout(directory)).referrers?.(image.root)) ?? [];
    expect(found.map(({ artifactType }) => artifactType)).to.deep.equal([
      'application/sbom',
      'application/provenance',
    ]);
  });

  it('adds to the list what nobody else added in between, and keeps what somebody did', async () => {
    const image = makeIndex(['linux/amd64']);
    const { source } = withReferrers(image, [[image.root.digest, 'sbom']]);
    const other = withReferrers(image, [[image.root.digest, 'provenance']]);
    const layout = await createLayoutSink(directory);
    await copyImage(image.source, layout, { tags: ['1'] });
    let raced = false;
    const racing: ImageSink = {
      has: (descriptor) => layout.has(descriptor),
      put: (descriptor, open) => layout.put(descriptor, open),
      tag: (name, descriptor, options) => layout.tag(name, descriptor, options),
      async refer(subject, referrers, options) {
        if (!raced) {
          raced = true;
          await copyImage(other.source, layout, { tags: ['1'], referrers: true });
        }
        await layout.refer?.(subject, referrers, options);
      },
    };
    await copyImage(source, racing, { tags: ['1'], referrers: true });
    const found = (await (await openLayout(directory)).referrers?.(image.root)) ?? [];
    expect(found.map(({ artifactType }) => artifactType)).to.deep.equal([
      'application/provenance',
      'application/sbom',
    ]);
  });
});

describe('oci/copyImages', () => {
  it('copies many images, what they share once, with one limit over all', async () => {
    const images = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((platform) => makeIndex([platform]));
    const contents = images.flatMap((image) => image.contents);
    const source: ImageSource = {
      root: images[0]!.root,
      read: async ({ digest }) =>
        opened(contents.find(({ descriptor }) => descriptor.digest === digest)!.bytes),
    };
    const [running, most, put, tags] = [{ now: 0 }, { ever: 0 }, new Map<string, number>(), [] as string[]];
    const sink: ImageSink = {
      has: async () => false,
      async put({ digest }) {
        put.set(digest, (put.get(digest) ?? 0) + 1);
        running.now += 1;
        most.ever = Math.max(most.ever, running.now);
        await new Promise((resolve) => setImmediate(resolve));
        running.now -= 1;
      },
      tag: async (name) => {
        tags.push(name);
      },
    };
    const items = [...images, images[0]!].map(({ root }, at) => ({ root, tags: [`v${at}`] }));
    await copyImages(source, sink, items, { jobs: 2 });
    expect(tags.sort()).to.deep.equal(['v0', 'v1', 'v2', 'v3']);
    expect(most.ever).to.be.at.most(2);
    expect([...put.values()].every((times) => times === 1)).to.equal(true);
  });
});

/** An image in memory with artifacts that name parts of it; each artifact is itself signed. */
function withReferrers(
  image: MemoryImage,
  subjects: readonly (readonly [digest: string, name: string])[],
): { readonly source: ImageSource } {
  const bytesOf = new Map<string, Buffer>([[emptyDescriptor.digest, empty]]);
  const list = new Map<string, Descriptor[]>();
  const add = (digest: string, name: string): Descriptor => {
    const subject = { mediaType: mediaTypes.ociManifest, digest, size: 1 };
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: `application/${name}`,
      config: emptyDescriptor,
      layers: [emptyDescriptor],
      subject,
    };
    const bytes = Buffer.from(JSON.stringify(document));
    const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
    bytesOf.set(descriptor.digest, bytes);
    list.set(digest, [...(list.get(digest) ?? []), descriptor]);
    return descriptor;
  };
  for (const [digest, name] of subjects) add(add(digest, name).digest, 'signature');
  return {
    source: {
      root: image.root,
      async read(descriptor) {
        const bytes = bytesOf.get(descriptor.digest);
        return bytes ? opened(bytes) : image.source.read(descriptor);
      },
      referrers: async ({ digest }) => list.get(digest) ?? [],
    },
  };
}

function opened(bytes: Buffer): Readable {
  return Readable.from([bytes], { objectMode: false });
}
