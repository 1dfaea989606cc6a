import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  copyImage,
  copyImages,
  createLayoutSink,
  createOciArchiveSink,
  mediaTypes,
  openLayout,
  openOciArchive,
  type PushEvent,
} from '@mabuild/oci';
import { expect } from 'chai';
import { expectThere, ImageMaker, singleImage } from '../../support/client-images.ts';
import { type ClientCase, clientSuite } from '../../support/client-suite.ts';
import { type MemoryImage, makeIndex } from '../../support/image.ts';
import { imageKinds } from '../../support/image-kinds.ts';

async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'mabuild-client-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** @returns what each descriptor met, by digest. */
async function statesOf(
  copy: (onEvent: (event: PushEvent) => void) => Promise<unknown>,
): Promise<ReadonlyMap<string, string>> {
  const states = new Map<string, string>();
  await copy((event) => {
    if (event.type === 'blob' && event.state !== 'sending') states.set(event.descriptor.digest, event.state);
  });
  return states;
}

const layersOf = ({ contents }: MemoryImage) =>
  contents.filter(({ descriptor }) => descriptor.mediaType === mediaTypes.ociLayerGzip);

const cases: readonly ClientCase[] = [
  ...imageKinds.map(
    ([name, make]): ClientCase => ({
      name: `writes and reads ${name}`,
      async run({ client, another, repository }) {
        const maker = new ImageMaker();
        const image = maker.image(make(maker));
        const to = repository();
        await copyImage(image.source, client.sink(to), { tags: [to.tag] });
        await expectThere(another(), to, image);
      },
    }),
  ),
  {
    name: 'sends nothing of what is there',
    async run({ client, another, repository }) {
      const image = makeIndex(['linux/amd64', 'linux/arm64']);
      const to = repository();
      await copyImage(image.source, client.sink(to), { tags: ['1'] });
      const again = await statesOf((onEvent) =>
        copyImage(image.source, another().sink(to), { tags: ['1'], onEvent }),
      );
      expect([...again]).to.deep.equal([[image.root.digest, 'exists']]);
      const another_ = await statesOf((onEvent) =>
        copyImage(image.source, another().sink(to), { tags: ['2'], onEvent }),
      );
      expect([...another_.values()]).to.not.include('sent');
    },
  },
  {
    name: 'sends only what changed of an image',
    async run({ client, another, repository }) {
      const maker = new ImageMaker();
      const base = maker.layer(5000);
      const first = maker.image(maker.manifest([base]));
      const top = maker.layer();
      const second = maker.image(maker.manifest([base, top]));
      const to = repository();
      await copyImage(first.source, client.sink(to), { tags: ['1'] });
      const states = await statesOf((onEvent) =>
        copyImage(second.source, another().sink(to), { tags: ['2'], onEvent }),
      );
      expect(states.get(base.digest)).to.equal('exists');
      expect(states.get(top.digest)).to.equal('sent');
      await expectThere(another(), { ...to, tag: '1' }, first);
    },
  },
  {
    name: 'writes an image by its digest alone',
    async run({ client, another, repository }) {
      const image = makeIndex(['linux/arm64']);
      const to = repository();
      await copyImage(image.source, client.sink(to));
      await expectThere(another(), { ...to, digest: image.root.digest }, image);
    },
  },
  {
    name: 'writes one image under many tags',
    async run({ client, another, repository }) {
      const image = singleImage();
      const to = repository();
      const tags = ['1', '1.2', '1.2.3-rc.1', 'UPPER_case', 'x'.repeat(128)];
      await copyImage(image.source, client.sink(to), { tags });
      for (const tag of tags) {
        expect((await another().resolve({ ...to, tag })).root).to.deep.equal(image.root);
      }
    },
  },
  {
    name: 'writes to a repository deep below',
    async run({ client, another, repository }) {
      const image = singleImage();
      const to = repository('a/b-c/d__e/f.g/h');
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      await expectThere(another(), to, image);
    },
  },
  {
    name: 'writes several images at once',
    async run({ client, another, repository }) {
      const to = repository();
      const images = Array.from({ length: 6 }, () => singleImage(20_000));
      const sink = client.sink(to);
      await Promise.all(images.map((image, at) => copyImage(image.source, sink, { tags: [`t${at}`] })));
      for (const [at, image] of images.entries())
        await expectThere(another(), { ...to, tag: `t${at}` }, image);
    },
  },
  {
    name: 'writes one image from two clients at once',
    async run({ client, another, repository }) {
      const to = repository();
      const image = makeIndex(['linux/amd64', 'linux/arm64'], 100_000);
      await Promise.all(
        [client, another()].map((one, at) => copyImage(image.source, one.sink(to), { tags: [`t${at}`] })),
      );
      await expectThere(another(), { ...to, tag: 't0' }, image);
      await expectThere(another(), { ...to, tag: 't1' }, image);
    },
  },
  {
    name: 'writes the images of a list as one',
    async run({ client, another, repository }) {
      const maker = new ImageMaker();
      const roots = [1, 2, 3].map(() => maker.manifest([maker.layer()]));
      const image = maker.image(roots[0]!);
      const to = repository();
      await copyImages(
        image.source,
        client.sink(to),
        roots.map((root, at) => ({ root, tags: [`t${at}`] })),
      );
      for (const [at, root] of roots.entries()) {
        expect((await another().resolve({ ...to, tag: `t${at}` })).root).to.deep.equal(root);
      }
    },
  },
  {
    name: 'writes one image of an index',
    async run({ client, another, repository }) {
      const image = makeIndex(['linux/amd64', 'linux/arm64']);
      const to = repository();
      const child = image.contents.find(({ descriptor }) => descriptor.mediaType === mediaTypes.ociManifest);
      const root = child!.descriptor;
      await copyImage(image.source, client.sink(to), { root, tags: ['one'] });
      expect((await another().resolve({ ...to, tag: 'one' })).root).to.deep.equal(root);
      const missing = image.contents.at(-1)!.descriptor;
      expect(await another().sink(to).has(missing)).to.equal(false);
    },
  },
  {
    name: 'copies from repository to repository, digests unchanged',
    async run({ client, another, repository }) {
      const image = makeIndex(['linux/amd64', 'linux/arm/v7'], 50_000);
      const [from, to] = [repository(), repository()];
      await copyImage(image.source, client.sink(from), { tags: [from.tag] });
      const one = another();
      await copyImage(await one.resolve(from), one.sink(to), { tags: [to.tag] });
      await expectThere(another(), to, image);
    },
  },
  {
    name: 'mounts what another repository has',
    needs: ['mount'],
    async run({ client, another, repository }) {
      const image = makeIndex(['linux/amd64'], 50_000);
      const [from, to] = [repository(), repository()];
      await copyImage(image.source, client.sink(from), { tags: [from.tag] });
      const one = another();
      const source = await one.resolve(from);
      const states = await statesOf((onEvent) => copyImage(source, one.sink(to), { tags: ['1'], onEvent }));
      for (const { descriptor } of layersOf(image)) expect(states.get(descriptor.digest)).to.equal('mounted');
      await expectThere(another(), { ...to, tag: '1' }, image);
    },
  },
  {
    name: 'copies all the same where nothing is mounted',
    lacks: 'mount',
    async run({ client, another, repository }) {
      const image = makeIndex(['linux/amd64'], 50_000);
      const [from, to] = [repository(), repository()];
      await copyImage(image.source, client.sink(from), { tags: [from.tag] });
      const one = another();
      const source = await one.resolve(from);
      const states = await statesOf((onEvent) => copyImage(source, one.sink(to), { tags: ['1'], onEvent }));
      expect([...states.values()]).to.not.include('mounted');
      await expectThere(another(), { ...to, tag: '1' }, image);
    },
  },
  {
    name: 'does not mount what is not there',
    async run({ client, repository }) {
      const [from, to] = [repository(), repository()];
      const [layer] = singleImage().contents;
      const sink = client.sink(to);
      expect(await sink.mount?.(layer!.descriptor, from)).to.equal(false);
      const { Readable } = await import('node:stream');
      await sink.put(layer!.descriptor, async () => Readable.from([layer!.bytes], { objectMode: false }));
      expect(await sink.has(layer!.descriptor)).to.equal(true);
    },
  },
  {
    name: 'does not mount from another registry',
    async run({ client, repository }) {
      const [layer] = singleImage().contents;
      const elsewhere = { registry: 'registry.example', repository: 'app' };
      expect(await client.sink(repository()).mount?.(layer!.descriptor, elsewhere)).to.equal(false);
    },
  },
  {
    name: 'takes an image to an OCI layout and back',
    run: ({ client, another, repository }) =>
      inDirectory(async (directory) => {
        const image = makeIndex(['linux/amd64', 'linux/arm64'], 20_000);
        const [from, to] = [repository(), repository()];
        await copyImage(image.source, client.sink(from), { tags: [from.tag] });
        const layout = join(directory, 'layout');
        await copyImage(await client.resolve(from), await createLayoutSink(layout), { tags: ['1'] });
        await copyImage(await openLayout(layout), client.sink(to), { tags: [to.tag] });
        await expectThere(another(), to, image);
      }),
  },
  {
    name: 'takes an image to an OCI archive and back',
    run: ({ client, another, repository }) =>
      inDirectory(async (directory) => {
        const image = makeIndex(['linux/arm/v7'], 20_000);
        const [from, to] = [repository(), repository()];
        await copyImage(image.source, client.sink(from), { tags: [from.tag] });
        const file = join(directory, 'image.tar');
        const archive = await createOciArchiveSink(file);
        await copyImage(await client.resolve(from), archive, { tags: ['1'] });
        await archive.close();
        await copyImage(await openOciArchive(file), client.sink(to), { tags: [to.tag] });
        await expectThere(another(), to, image);
      }),
  },
  {
    name: 'remembers manifests and configs between runs',
    async run({ client, another, repository }) {
      const image = singleImage();
      const to = repository();
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      const kept = new Map<string, Uint8Array>();
      const manifestStore = {
        get: async (digest: string) => kept.get(digest),
        set: async (digest: string, bytes: Uint8Array) => {
          kept.set(digest, bytes);
        },
      };
      await expectThere(another({ manifestStore }), to, image);
      const documents = image.contents.filter(({ descriptor }) => !descriptor.mediaType.includes('layer'));
      expect([...kept.keys()]).to.have.members(documents.map(({ descriptor }) => descriptor.digest));
      await expectThere(another({ manifestStore }), to, image);
    },
  },
  {
    name: 'does not believe what a store remembers wrongly',
    async run({ client, another, repository }) {
      const image = singleImage();
      const to = repository();
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      const manifestStore = { get: async () => randomBytes(300), set: async () => undefined };
      await expectThere(another({ manifestStore }), to, image);
    },
  },
];

clientSuite('images', cases);
