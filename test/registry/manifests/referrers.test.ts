import { Readable } from 'node:stream';
import {
  copyImage,
  type Descriptor,
  digestOf,
  type ImageReference,
  mediaTypes,
  referrersTag,
} from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { closedAfterEach } from '../../support/closed-after-each.ts';
import { type MemoryImage, makeIndex, pushImage } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';
import { servicesDescribe } from '../../support/services.ts';

interface Target {
  readonly registry: string;
  readonly client: RegistryClient;
}

describe('registry/referrers', () => {
  const keep = closedAfterEach();

  async function start(options: TestRegistryOptions = {}): Promise<Target & { readonly test: TestRegistry }> {
    const test = keep(await startTestRegistry(options));
    const client = keep(createRegistryClient({ retry: { baseDelay: 1 } }));
    return { registry: test.host, client, test };
  }

  for (const [what, options] of [
    ['the referrers API', {}],
    ['the referrers API in pages', { pageSize: 1 }],
    ['a tag', { referrers: false }],
  ] as const) {
    it(`lists by ${what}`, async () => {
      const target = await start(options);
      const { app, image, sbom, signature } = await pushSigned(target);
      const listed = async (artifactType?: string) =>
        (await target.client.referrers({ ...app, digest: image.root.digest }, { artifactType })).map(
          (found) => `${found.artifactType} ${found.digest}`,
        );
      const expected = [sbom, signature].map(({ artifactType, digest }) => `${artifactType} ${digest}`);
      expect((await listed()).toSorted()).to.deep.equal(expected.toSorted());
      expect(await listed('application/sbom')).to.deep.equal(expected.slice(0, 1));
      expect(await listed('application/none')).to.deep.equal([]);
    });
  }

  it('lists nothing where nothing is', async () => {
    for (const referrers of [true, false]) {
      const { client, registry } = await start({ referrers });
      const digest = `sha256:${'0'.repeat(64)}`;
      expect(await client.referrers({ registry, repository: 'app', digest })).to.deep.equal([]);
    }
  });

  for (const [what, fault] of [
    ['a page for people', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html></html>' }],
    ['405', { status: 405 }],
    ['400', { status: 400 }],
  ] as const) {
    it(`reads the tag where the API answers with ${what}`, async () => {
      const target = await start({ referrers: false });
      const { app, image } = await pushSigned(target);
      target.test.faults.push({ url: /\/referrers\//, ...fault });
      expect(await target.client.referrers({ ...app, digest: image.root.digest })).to.have.length(2);
    });
  }

  it('takes a tag that holds an image for somebody else’s', async () => {
    const target = await start({ referrers: false });
    const image = makeIndex(['linux/amd64']);
    const app = { registry: target.registry, repository: 'app' };
    await pushImage(target.client.sink(app), image, 'latest');
    const child = image.contents.at(-2)!.descriptor;
    await target.client.sink(app).tag(referrersTag(image.root.digest), child);
    expect(await target.client.referrers({ ...app, digest: image.root.digest })).to.deep.equal([]);
  });

  it('asks the registry where a mirror knows of none', async () => {
    const [target, mirror] = [await start(), await start({ referrers: false })];
    const { app, image } = await pushSigned(target);
    await pushImage(mirror.client.sink({ ...app, registry: mirror.registry }), image, '1');
    const client = keep(createRegistryClient({ mirrors: { [target.registry]: [mirror.test.url] } }));
    expect(await client.referrers({ ...app, digest: image.root.digest })).to.have.length(2);
    target.test.requests.length = 0;
    const through = await client.resolve({ ...app, tag: '1' });
    expect(await through.referrers?.(image.root)).to.have.length(2);
    const own = await client.resolve({ ...app, tag: '1' }, { pastMirrors: true });
    mirror.test.requests.length = 0;
    expect(await own.referrers?.(image.root)).to.have.length(2);
    expect(mirror.test.requests).to.have.length(0);
  });

  it('wants a digest', async () => {
    const { client, registry } = await start();
    const error = await rejection(client.referrers({ registry, repository: 'app', tag: 'latest' }));
    expect(error).to.include({ code: 'INVALID_REFERENCE' });
  });

  for (const [from, to] of [
    [true, false],
    [false, true],
    [false, false],
    [true, true],
  ] as const) {
    const name = (api: boolean): string => (api ? 'a registry with the API' : 'one without');
    it(`copies from ${name(from)} to ${name(to)}`, async () => {
      const [source, target] = [await start({ referrers: from }), await start({ referrers: to })];
      const { app, image, sbom, signature } = await pushSigned(source);
      const there: ImageReference = { registry: target.registry, repository: 'copied' };
      await copyImage(await source.client.resolve({ ...app, tag: '1' }), target.client.sink(there), {
        tags: ['1'],
        referrers: true,
      });
      const found = await target.client.referrers({ ...there, digest: image.root.digest });
      expect(found.map(({ digest }) => digest)).to.have.members([sbom.digest, signature.digest]);
      for (const { digest } of [sbom, signature]) {
        expect(target.test.manifest('copied', digest)?.bytes).to.deep.equal(
          source.test.manifest('app', digest)?.bytes,
        );
      }
      const listed = target.test.tagOf('copied', referrersTag(image.root.digest));
      expect(listed === undefined).to.equal(to);
    });
  }

  it('keeps what two writers add to the tag at the same time', async () => {
    const target = await start({ referrers: false, etag: true });
    const image = makeIndex(['linux/amd64']);
    const app = { registry: target.registry, repository: 'app' };
    await pushImage(target.client.sink(app), image, '1');
    const types = ['a', 'b', 'c'].map((name) => `application/${name}`);
    await Promise.all(
      types.map(async (type) => {
        const client = keep(createRegistryClient({ retry: { baseDelay: 1 } }));
        const sink = client.sink(app);
        const referrer = await putReferrer(sink, image.root, type);
        await sink.refer?.(image.root, [referrer]);
      }),
    );
    const found = await target.client.referrers({ ...app, digest: image.root.digest });
    expect(found.map(({ artifactType }) => artifactType)).to.have.members(types);
  });
});

servicesDescribe('registry/referrers on docker-registry', ({ registry }) => {
  it('writes and reads the tag', async () => {
    const client = createRegistryClient();
    try {
      const { app, image, sbom, signature } = await pushSigned(
        { registry, client },
        `referrers-${process.pid}/app`,
      );
      const found = await client.referrers({ ...app, digest: image.root.digest });
      expect(found.map(({ digest }) => digest)).to.deep.equal([sbom.digest, signature.digest]);
      const list = await client.resolve({ ...app, tag: referrersTag(image.root.digest) });
      expect(list.root.mediaType).to.equal(mediaTypes.ociIndex);
    } finally {
      await client.close();
    }
  });
});

/** Pushes an index with an SBOM and a signature. */
async function pushSigned(
  { registry, client }: Target,
  repository = 'app',
): Promise<{ app: ImageReference; image: MemoryImage; sbom: Descriptor; signature: Descriptor }> {
  const app = { registry, repository };
  const image = makeIndex(['linux/amd64', 'linux/arm64']);
  const sink = client.sink(app);
  await pushImage(sink, image, '1');
  const sbom = await putReferrer(sink, image.root, 'application/sbom');
  const signature = await putReferrer(sink, image.root, 'application/signature');
  await sink.refer?.(image.root, [sbom, signature]);
  return { app, image, sbom, signature };
}

async function putReferrer(
  sink: ReturnType<RegistryClient['sink']>,
  subject: Descriptor,
  artifactType: string,
): Promise<Descriptor> {
  const empty = Buffer.from('{}');
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(empty), size: empty.length };
  const { mediaType, digest, size } = subject;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType,
      config,
      layers: [config],
      subject: { mediaType, digest, size },
    }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  await sink.put(config, async () => Readable.from([empty], { objectMode: false }));
  await sink.put(descriptor, async () => Readable.from([bytes], { objectMode: false }));
  return { ...descriptor, artifactType };
}
