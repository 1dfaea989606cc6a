import { Readable } from 'node:stream';
import { digestOf, type ImageReference, mediaTypes } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type MemoryImage, makeIndex, pushImage } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';
import { servicesDescribe } from '../../support/services.ts';

describe('registry/delete', () => {
  let registry: TestRegistry;
  let client: RegistryClient;
  let image: MemoryImage;
  let app: ImageReference;
  async function start(options: TestRegistryOptions = {}): Promise<void> {
    registry = await startTestRegistry(options);
    client = createRegistryClient({ retry: { baseDelay: 1 } });
    app = { registry: registry.host, repository: 'team/app' };
    image = makeIndex(['linux/amd64', 'linux/arm64']);
    for (const tag of ['1', 'latest']) await pushImage(client.sink(app), image, tag);
    registry.requests.length = 0;
  }
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  it('deletes a tag and nothing else, in one request', async () => {
    await start();
    await client.delete({ ...app, tag: '1' });
    expect(registry.requests.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
      'DELETE /v2/team/app/manifests/1',
    ]);
    expect(registry.tagOf('team/app', '1')).to.equal(undefined);
    expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
  });

  it('deletes a manifest with every tag of it, and leaves what it names', async () => {
    await start();
    await client.delete({ ...app, tag: '1', digest: image.root.digest });
    expect(registry.tagOf('team/app', 'latest')).to.equal(undefined);
    expect(registry.manifest('team/app', image.root.digest)).to.equal(undefined);
    const child = image.contents.at(-2)?.descriptor.digest ?? '';
    expect(registry.manifest('team/app', child)).to.not.equal(undefined);
  });

  it('takes a signature out of the list of referrers, and leaves the others', async () => {
    for (const referrers of [true, false]) {
      await start({ referrers });
      const { mediaType, digest, size } = image.root;
      const sink = client.sink(app);
      const config = {
        mediaType: mediaTypes.ociEmpty,
        digest: registry.addBlob('team/app', Buffer.from('{}')),
        size: 2,
      };
      const signatures = await Promise.all(
        ['a', 'b'].map(async (name) => {
          const document = {
            schemaVersion: 2,
            config,
            layers: [config],
            subject: { mediaType, digest, size },
            annotations: { name },
          };
          const bytes = Buffer.from(JSON.stringify(document));
          const descriptor = {
            mediaType: mediaTypes.ociManifest,
            digest: digestOf(bytes),
            size: bytes.length,
          };
          await sink.put(descriptor, async () => Readable.from([bytes], { objectMode: false }));
          return descriptor;
        }),
      );
      await sink.refer?.(image.root, signatures);
      await client.delete({ ...app, digest: signatures[0]!.digest });
      const left = await client.referrers({ ...app, digest });
      expect(left.map((found) => found.digest)).to.deep.equal([signatures[1]!.digest]);
      if (referrers) {
        await client.close();
        await registry.close();
      }
    }
  });

  it('deletes what it cannot read', async () => {
    await start();
    const digest = registry.addManifest('team/app', 'old', 'application/x-old', Buffer.from('not JSON'));
    await client.delete({ ...app, digest });
    expect(registry.tagOf('team/app', 'old')).to.equal(undefined);
  });

  it('signs in for it', async () => {
    const user = { kind: 'basic', username: 'ci', password: 'ci-pass' } as const;
    registry = await startTestRegistry({ auth: { ...user, kind: 'token' } });
    client = createRegistryClient({ credentials: { credentialFor: async () => user } });
    registry.addManifest('team/app', '1', 'application/x', Buffer.from('1'));
    await client.delete({ registry: registry.host, repository: 'team/app', tag: '1' });
    expect(registry.tagOf('team/app', '1')).to.equal(undefined);
  });

  it('names what is not there', async () => {
    await start();
    for (const name of [{ tag: '2' }, { digest: `sha256:${'0'.repeat(64)}` }]) {
      expect(await rejection(client.delete({ ...app, ...name }))).to.include({ code: 'IMAGE_NOT_FOUND' });
    }
  });

  it('never falls back to the manifest where a tag alone cannot be deleted', async () => {
    await start({ delete: 'digests' });
    const error = await rejection(client.delete({ ...app, tag: '1' }));
    expect(error).to.include({ code: 'REGISTRY_UNSUPPORTED', status: 405 });
    expect(error.message).to.match(
      /^deleting .*team\/app:1: the registry cannot delete a tag alone: DELETE http/,
    );
    expect(error)
      .to.have.property('hint')
      .that.matches(/mabuild delete --manifest/);
    expect(registry.requests).to.have.length(1);
    expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
  });

  const refusals: readonly (readonly [string, number, string, string])[] = [
    ['405 without words', 405, '', 'REGISTRY_UNSUPPORTED'],
    ['400 UNSUPPORTED', 400, 'UNSUPPORTED', 'REGISTRY_UNSUPPORTED'],
    ["docker-registry 2's 400 DIGEST_INVALID", 400, 'DIGEST_INVALID', 'REGISTRY_UNSUPPORTED'],
    ['400 of another kind', 400, 'NAME_INVALID', 'REGISTRY_ERROR'],
    ['403', 403, 'DENIED', 'REGISTRY_DENIED'],
    ['401', 401, 'UNAUTHORIZED', 'REGISTRY_UNAUTHORIZED'],
  ];
  for (const [what, status, registryCode, code] of refusals) {
    it(`calls ${what} ${code}`, async () => {
      await start();
      registry.faults.push({
        method: 'DELETE',
        status,
        body: registryCode === '' ? '' : JSON.stringify({ errors: [{ code: registryCode, message: 'no' }] }),
      });
      expect(await rejection(client.delete({ ...app, tag: '1' }))).to.include({ code, status });
    });
  }

  it('says where nothing can be deleted', async () => {
    await start({ delete: 'none' });
    const error = await rejection(client.delete({ ...app, digest: image.root.digest }));
    expect(error).to.include({ code: 'REGISTRY_UNSUPPORTED' });
    expect(error.message).to.match(/the registry deletes nothing/);
  });
});

servicesDescribe('registry/delete on docker-registry', ({ registry }) => {
  it('deletes a manifest, and says that a tag alone cannot be deleted', async () => {
    const client = createRegistryClient();
    try {
      const app = { registry, repository: `delete-${process.pid}/app` };
      const image = makeIndex(['linux/amd64']);
      for (const tag of ['1', 'latest']) await pushImage(client.sink(app), image, tag);
      const error = await rejection(client.delete({ ...app, tag: '1' }));
      expect(error).to.include({ code: 'REGISTRY_UNSUPPORTED' });
      expect((await client.resolve({ ...app, tag: '1' })).root.digest).to.equal(image.root.digest);
      await client.delete({ ...app, digest: image.root.digest });
      const gone = await rejection(client.resolve({ ...app, tag: 'latest' }));
      expect(gone).to.include({ code: 'IMAGE_NOT_FOUND' });
    } finally {
      await client.close();
    }
  });
});
