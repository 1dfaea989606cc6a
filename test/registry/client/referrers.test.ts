import { copyImage, type Descriptor, digestOf, mediaTypes } from '@mabuild/oci';
import { expect } from 'chai';
import { ImageMaker, singleImage } from '../../support/client-images.ts';
import { type ClientCase, type ClientWorld, clientSuite } from '../../support/client-suite.ts';
import type { MemoryImage } from '../../support/image.ts';

/** An artifact that names a manifest as its subject. */
function signatureOf(subject: Descriptor, artifactType: string): MemoryImage {
  const maker = new ImageMaker();
  const config = maker.add(mediaTypes.ociEmpty, '{}');
  const root = maker.add(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config,
    layers: [maker.add('application/json', { signs: subject.digest, by: Math.random() })],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: { 'org.example.signer': 'me' },
  });
  return maker.image(root);
}

/** Writes an image and what names it; afterwards the registry, or a list under a tag, knows. */
async function publish(
  { client, repository }: ClientWorld,
  artifactTypes: readonly string[],
): Promise<{
  image: MemoryImage;
  signatures: readonly MemoryImage[];
  to: ReturnType<ClientWorld['repository']>;
}> {
  const image = singleImage();
  const to = repository();
  const sink = client.sink(to);
  await copyImage(image.source, sink, { tags: [to.tag] });
  const signatures = artifactTypes.map((type) => signatureOf(image.root, type));
  for (const [at, signature] of signatures.entries()) {
    await copyImage(signature.source, sink);
    const described = {
      ...signature.root,
      artifactType: artifactTypes[at],
      annotations: { 'org.example.signer': 'me' },
    };
    await sink.refer?.(image.root, [described as Descriptor]);
  }
  return { image, signatures, to };
}

const types = ['application/vnd.example.signature', 'application/spdx+json'] as const;

const cases: readonly ClientCase[] = [
  {
    name: 'finds no referrers of what nobody names',
    async run(world) {
      const { image, to } = await publish(world, []);
      expect(await world.client.referrers({ ...to, digest: image.root.digest })).to.deep.equal([]);
      expect(await world.client.referrers({ ...to, digest: digestOf('nothing') })).to.deep.equal([]);
    },
  },
  {
    name: 'finds what names a manifest as its subject',
    async run(world) {
      const { image, signatures, to } = await publish(world, types);
      const found = await world.another().referrers({ ...to, digest: image.root.digest });
      expect(new Set(found.map(({ digest }) => digest))).to.deep.equal(
        new Set(signatures.map(({ root }) => root.digest)),
      );
    },
  },
  {
    name: 'finds referrers of one type',
    async run(world) {
      const { image, signatures, to } = await publish(world, types);
      const found = await world
        .another()
        .referrers({ ...to, digest: image.root.digest }, { artifactType: types[1] });
      expect(found.map(({ digest }) => digest)).to.deep.equal([signatures[1]?.root.digest]);
    },
  },
  {
    name: 'copies an image with what names it',
    async run(world) {
      const { image, signatures, to: from } = await publish(world, types);
      const to = world.repository();
      const client = world.another();
      await copyImage(await client.resolve(from), client.sink(to), { tags: [to.tag], referrers: true });
      const found = await world.another().referrers({ ...to, digest: image.root.digest });
      expect(found).to.have.length(2);
      const there = world.another().sink(to);
      for (const signature of signatures) {
        for (const { descriptor } of signature.contents) expect(await there.has(descriptor)).to.equal(true);
      }
    },
  },
  {
    name: 'leaves behind what names an image where nobody asked for it',
    async run(world) {
      const { image, to: from } = await publish(world, types);
      const to = world.repository();
      const client = world.another();
      await copyImage(await client.resolve(from), client.sink(to), { tags: [to.tag] });
      expect(await world.another().referrers({ ...to, digest: image.root.digest })).to.deep.equal([]);
    },
  },
];

clientSuite('referrers', cases);
