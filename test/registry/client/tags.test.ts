import { copyImage, digestOf } from '@mabuild/oci';
import { expect } from 'chai';
import { expectThere, singleImage } from '../../support/client-images.ts';
import { type ClientCase, type ClientWorld, clientSuite } from '../../support/client-suite.ts';
import type { MemoryImage } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';

async function collect(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all;
}

/** Writes an image to a repository of its own. */
async function publish(
  { client, repository }: ClientWorld,
  ...tags: readonly string[]
): Promise<{ image: MemoryImage; to: ReturnType<ClientWorld['repository']> }> {
  const image = singleImage();
  const to = repository();
  await copyImage(image.source, client.sink(to), { tags: tags.length === 0 ? [to.tag] : tags });
  return { image, to };
}

const cases: readonly ClientCase[] = [
  {
    name: 'finds an image by its tag',
    async run(world) {
      const { image, to } = await publish(world);
      expect((await world.another().resolve(to)).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'finds the tag latest where none is named',
    async run(world) {
      const { image, to } = await publish(world, 'latest');
      const { registry, repository } = to;
      expect((await world.client.resolve({ registry, repository })).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'finds an image by its digest, whatever the tag',
    async run(world) {
      const { image, to } = await publish(world);
      const source = await world.client.resolve({ ...to, tag: 'other', digest: image.root.digest });
      expect(source.root).to.deep.equal(image.root);
    },
  },
  {
    name: 'finds an image many times at once',
    async run(world) {
      const { image, to } = await publish(world);
      const client = world.another();
      const found = await Promise.all(Array.from({ length: 12 }, () => client.resolve(to)));
      expect(new Set(found.map(({ root }) => root.digest))).to.deep.equal(new Set([image.root.digest]));
    },
  },
  {
    name: 'names a tag that is not there',
    async run(world) {
      const { to } = await publish(world);
      expect(await rejection(world.client.resolve({ ...to, tag: 'missing' }))).to.include({
        code: 'IMAGE_NOT_FOUND',
        message: `there is no image ${world.host}/${to.repository}:missing`,
      });
    },
  },
  {
    name: 'names a digest that is not there',
    async run(world) {
      const { to } = await publish(world);
      const digest = digestOf('nothing');
      const error = await rejection(world.client.resolve({ ...to, digest }));
      expect(error).to.have.property('code', 'IMAGE_NOT_FOUND');
      expect(error.message).to.contain(digest);
    },
  },
  {
    name: 'names a repository that is not there',
    async run({ client, repository }) {
      expect(await rejection(client.resolve(repository()))).to.have.property('code', 'IMAGE_NOT_FOUND');
    },
  },
  {
    name: 'knows what a tag points at',
    async run(world) {
      const { image, to } = await publish(world);
      const other = singleImage();
      const sink = world.another().sink(to);
      expect(await sink.tagged?.(to.tag, image.root)).to.equal(true);
      expect(await sink.tagged?.('other', image.root)).to.equal(false);
      expect(await sink.tagged?.(to.tag, other.root)).to.equal(false);
    },
  },
  {
    name: 'gives an image a second tag without its bytes',
    async run(world) {
      const { image, to } = await publish(world);
      await world.another().sink(to).tag('second', image.root);
      expect((await world.another().resolve({ ...to, tag: 'second' })).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'gives an image a second tag with its bytes at hand',
    async run(world) {
      const { image, to } = await publish(world);
      await world
        .another()
        .sink(to)
        .tag('second', image.root, { open: () => image.source.read(image.root) });
      await expectThere(world.another(), { ...to, tag: 'second' }, image);
    },
  },
  {
    name: 'writes a tag again that points where it should',
    async run(world) {
      const { image, to } = await publish(world);
      await world.another().sink(to).tag(to.tag, image.root);
      expect((await world.another().resolve(to)).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'gives no tag to what is not there',
    async run(world) {
      const { to } = await publish(world);
      const error = await rejection(world.client.sink(to).tag('broken', singleImage().root));
      expect(error).to.have.property('code');
      expect(await rejection(world.another().resolve({ ...to, tag: 'broken' }))).to.have.property(
        'code',
        'IMAGE_NOT_FOUND',
      );
    },
  },
  {
    name: 'moves a tag, back and forth',
    needs: ['move tags'],
    async run(world) {
      const { image, to } = await publish(world);
      const second = singleImage();
      await copyImage(second.source, world.client.sink(to), { tags: [to.tag] });
      expect((await world.client.resolve(to)).root).to.deep.equal(second.root);
      await world.another().sink(to).tag(to.tag, image.root);
      await expectThere(world.another(), to, image);
      expect((await world.client.resolve(to)).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'says that a tag cannot be moved',
    lacks: 'move tags',
    async run(world) {
      const { image, to } = await publish(world);
      const second = singleImage();
      const error = await rejection(copyImage(second.source, world.client.sink(to), { tags: [to.tag] }));
      expect(error.message).to.match(/immutable|IMMUTABLE/);
      expect((await world.another().resolve(to)).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'writes a tag that is expected to be absent',
    async run(world) {
      const { image, to } = await publish(world);
      await world.client.sink(to).tag('fresh', image.root, { expected: 'absent' });
      expect((await world.another().resolve({ ...to, tag: 'fresh' })).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'leaves a tag alone that is not absent as expected',
    async run(world) {
      const { image, to } = await publish(world);
      const second = singleImage();
      const sink = world.client.sink(to);
      await copyImage(second.source, sink);
      const error = await rejection(sink.tag(to.tag, second.root, { expected: 'absent' }));
      expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
      expect((await world.another().resolve(to)).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'moves a tag that points where it is expected to',
    needs: ['move tags'],
    async run(world) {
      const { image, to } = await publish(world);
      const second = singleImage();
      const sink = world.client.sink(to);
      await copyImage(second.source, sink);
      await sink.tag(to.tag, second.root, { expected: image.root });
      expect((await world.another().resolve(to)).root).to.deep.equal(second.root);
    },
  },
  {
    name: 'leaves a tag alone that points elsewhere',
    async run(world) {
      const { image, to } = await publish(world);
      const second = singleImage();
      const sink = world.client.sink(to);
      await copyImage(second.source, sink);
      const error = await rejection(sink.tag(to.tag, second.root, { expected: singleImage().root }));
      expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
      expect((await world.another().resolve(to)).root).to.deep.equal(image.root);
    },
  },
  {
    name: 'lists the tags of a repository',
    async run(world) {
      const tags = ['a', 'B', '1.0', 'z_9'];
      const { to } = await publish(world, ...tags);
      expect((await collect(world.another().tags(to))).sort()).to.deep.equal([...tags].sort());
    },
  },
  {
    name: 'lists tags page by page',
    async run(world) {
      const tags = Array.from({ length: 7 }, (_, at) => `t${at}`);
      const { to } = await publish(world, ...tags);
      const listed = await collect(world.another().tags(to, { pageSize: 2 }));
      expect(listed.sort()).to.deep.equal(tags);
    },
  },
  {
    name: 'stops listing where its caller does',
    async run(world) {
      const { to } = await publish(world, 'a', 'b', 'c');
      const names: string[] = [];
      for await (const name of world.client.tags(to, { pageSize: 1 })) {
        names.push(name);
        if (names.length === 2) break;
      }
      expect(names).to.have.length(2);
    },
  },
  {
    name: 'names a repository without tags',
    async run({ client, repository }) {
      const error = await rejection(collect(client.tags(repository())));
      expect(error).to.have.property('code', 'REPOSITORY_NOT_FOUND');
    },
  },
  {
    name: 'lists the repositories of a registry',
    needs: ['catalog'],
    async run(world) {
      const [first, second] = [await publish(world), await publish(world)];
      const listed = await collect(world.another().repositories(world.host));
      expect(listed).to.include.members([first.to.repository, second.to.repository]);
      expect(new Set(listed).size).to.equal(listed.length);
    },
  },
  {
    name: 'lists repositories page by page',
    needs: ['catalog'],
    async run(world) {
      const published = [await publish(world), await publish(world), await publish(world)];
      const listed = await collect(world.another().repositories(world.host, { pageSize: 2 }));
      expect(listed).to.include.members(published.map(({ to }) => to.repository));
      expect(new Set(listed).size).to.equal(listed.length);
    },
  },
  {
    name: 'says that the registry lists no repositories',
    lacks: 'catalog',
    async run({ client, host }) {
      const error = await rejection(collect(client.repositories(host)));
      expect(error).to.have.property('code', 'REGISTRY_UNSUPPORTED');
    },
  },
  {
    name: 'deletes a manifest with every tag of it',
    needs: ['delete manifests'],
    async run(world) {
      const { image, to } = await publish(world, 'a', 'b');
      await world.client.delete({ ...to, digest: image.root.digest });
      for (const tag of ['a', 'b']) {
        const error = await rejection(world.another().resolve({ ...to, tag }));
        expect(error).to.have.property('code', 'IMAGE_NOT_FOUND');
      }
    },
  },
  {
    name: 'deletes a tag and nothing else',
    needs: ['delete tags'],
    async run(world) {
      const { image, to } = await publish(world, 'a', 'b');
      await world.client.delete({ ...to, tag: 'a' });
      expect(await rejection(world.another().resolve({ ...to, tag: 'a' }))).to.have.property(
        'code',
        'IMAGE_NOT_FOUND',
      );
      await expectThere(world.another(), { ...to, tag: 'b' }, image);
    },
  },
  {
    name: 'says that a tag alone cannot be deleted',
    lacks: 'delete tags',
    async run(world) {
      const { image, to } = await publish(world);
      const error = await rejection(world.client.delete(to));
      expect(error).to.have.property('code', 'REGISTRY_UNSUPPORTED');
      await expectThere(world.another(), to, image);
    },
  },
  {
    name: 'says that a manifest cannot be deleted',
    lacks: 'delete manifests',
    async run(world) {
      const { image, to } = await publish(world);
      const error = await rejection(world.client.delete({ ...to, digest: image.root.digest }));
      expect(error).to.have.property('code', 'REGISTRY_UNSUPPORTED');
      await expectThere(world.another(), to, image);
    },
  },
  {
    name: 'names a manifest to delete that is not there',
    needs: ['delete manifests'],
    async run(world) {
      const { to } = await publish(world);
      const error = await rejection(world.client.delete({ ...to, digest: digestOf('nothing') }));
      expect(error).to.have.property('code', 'IMAGE_NOT_FOUND');
    },
  },
];

clientSuite('tags', cases);
