import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Credential, ImageReference } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient, type RegistryOptions } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';
import { findServices } from '../support/services.ts';

interface Target {
  readonly name: string;
  /** `undefined`: not here. */
  readonly open: () => Promise<
    { host: string; credential?: Credential; ca?: string; close(): Promise<void> } | undefined
  >;
}

const user = { kind: 'basic', username: 'ci', password: 'ci-pass' } as const;

function inProcess(
  name: string,
  options: Parameters<typeof startTestRegistry>[0],
  credential?: Credential,
): Target {
  return {
    name,
    async open() {
      const registry: TestRegistry = await startTestRegistry(options);
      return { host: registry.host, ...(credential && { credential }), close: () => registry.close() };
    },
  };
}

function real(
  name: string,
  hostOf: (services: NonNullable<ReturnType<typeof findServices>>) => string,
): Target {
  return {
    name,
    async open() {
      const services = findServices();
      if (services === undefined) return undefined;
      const credential = { kind: 'basic', username: services.user, password: services.password } as const;
      const ca = readFileSync(services.tlsCertificate, 'utf8');
      return { host: hostOf(services), credential, ca, close: async () => undefined };
    },
  };
}

const targets: readonly Target[] = [
  inProcess('the test registry', {}),
  inProcess('the test registry with a password', { auth: user }, user),
  inProcess('the test registry with tokens', { auth: { ...user, kind: 'token' } }, user),
  inProcess(
    'the test registry with refresh tokens',
    { auth: { ...user, kind: 'token', identityToken: 'refresh' } },
    { kind: 'identity-token', token: 'refresh' },
  ),
  real('docker-registry', ({ registry }) => registry),
  real('docker-registry with a password', ({ authRegistry }) => authRegistry),
  real('docker-registry with TLS and a password', ({ tlsRegistry }) => tlsRegistry),
  real('docker-registry with tokens', ({ tokenRegistry }) => tokenRegistry),
];

for (const target of targets) {
  describe(`registry/client on ${target.name}`, () => {
    let host = '';
    let client: RegistryClient;
    let options: RegistryOptions;
    let close: (() => Promise<void>) | undefined;
    let counter = 0;

    function repository(): ImageReference {
      counter += 1;
      return { registry: host, repository: `public/suite-${process.pid}/app-${counter}`, tag: 'latest' };
    }

    before(async function () {
      const opened = await target.open();
      if (opened === undefined) {
        if (process.env.MABUILD_REQUIRE_SERVICES) throw new Error('the test services are absent');
        console.log(`      skipped: no ${target.name}; run it with \`npm test\``);
        this.skip();
      }
      ({ host, close } = opened);
      options = {
        credentials: { credentialFor: async (asked) => (asked === host ? opened.credential : undefined) },
        tls: { [host]: { ca: opened.ca } },
        retry: { baseDelay: 1 },
      };
    });
    beforeEach(() => {
      client = createRegistryClient(options);
    });
    afterEach(() => client?.close());
    after(() => close?.());

    it('pushes an index and reads it back', async () => {
      const to = repository();
      const image = makeIndex(['linux/amd64', 'linux/arm/v7'], 300_000);
      await pushImage(client.sink(to), image, 'latest');

      const source = await createRegistryClient(options).resolve(to);
      expect(source.root).to.deep.equal(image.root);
      for (const { descriptor, bytes } of image.contents) {
        expect((await buffer(await source.read(descriptor))).equals(bytes)).to.equal(true);
      }
    });

    it('resolves by digest', async () => {
      const to = repository();
      const image = makeIndex(['linux/arm64']);
      await pushImage(client.sink(to), image, 'latest');
      const source = await client.resolve({ ...to, tag: 'other', digest: image.root.digest });
      expect(source.root.digest).to.equal(image.root.digest);
    });

    it('knows what is there', async () => {
      const to = repository();
      const image = makeIndex(['linux/arm64']);
      const before = client.sink(to);
      for (const { descriptor } of image.contents) {
        expect(await before.has(descriptor)).to.equal(false);
      }
      expect(await before.tagged?.('latest', image.root)).to.equal(false);
      await pushImage(before, image, 'latest');
      const after = client.sink(to);
      for (const { descriptor } of image.contents) {
        expect(await after.has(descriptor)).to.equal(true);
      }
      expect(await after.tagged?.('latest', image.root)).to.equal(true);
      expect(await after.tagged?.('other', image.root)).to.equal(false);
    });

    it('moves a tag, with and without the bytes at hand', async () => {
      const to = repository();
      const [first, second] = [makeIndex(['linux/amd64']), makeIndex(['linux/arm64'])];
      const sink = client.sink(to);
      await pushImage(sink, first, 'latest');
      await pushImage(sink, second, 'latest');
      expect((await client.resolve(to)).root.digest).to.equal(second.root.digest);
      const another = createRegistryClient(options);
      await another.sink(to).tag('latest', first.root);
      await another.sink(to).tag('v2', second.root, { open: () => second.source.read(second.root) });
      await another.close();
      expect((await client.resolve(to)).root.digest).to.equal(first.root.digest);
      expect((await client.resolve({ ...to, tag: 'v2' })).root.digest).to.equal(second.root.digest);
    });

    it('mounts blobs of a neighbour', async () => {
      const [from, to] = [repository(), repository()];
      const image = makeIndex(['linux/amd64']);
      await pushImage(client.sink(from), image, 'latest');
      const source = await client.resolve(from);
      const sink = client.sink(to);
      for (const { descriptor } of image.contents) {
        const at = await source.mountableFrom?.(descriptor);
        if (at !== undefined) {
          expect(await sink.mount?.(descriptor, at)).to.equal(true);
          expect(await sink.has(descriptor)).to.equal(true);
        }
      }
      await pushImage(client.sink(to), image, 'latest');
    });

    it('does not mount what is not there, and leaves nothing open', async () => {
      const [from, to] = [repository(), repository()];
      const [layer] = makeIndex(['linux/amd64']).contents;
      expect(await client.sink(to).mount?.(layer!.descriptor, from)).to.equal(false);
    });

    it('sends an empty blob', async () => {
      const { Readable } = await import('node:stream');
      const empty = {
        mediaType: 'application/octet-stream',
        digest: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        size: 0,
      };
      const to = repository();
      await client.sink(to).put(empty, async () => Readable.from([], { objectMode: false }));
      expect(await client.sink(to).has(empty)).to.equal(true);
    });

    it('names an image that is not there', async () => {
      const to = repository();
      await pushImage(client.sink(to), makeIndex(['linux/amd64']), 'latest');
      expect(await rejection(client.resolve({ ...to, tag: 'missing' }))).to.include({
        code: 'IMAGE_NOT_FOUND',
        message: `there is no image ${host}/${to.repository}:missing`,
      });
    });

    it('names a blob that is not there', async () => {
      const to = repository();
      const image = makeIndex(['linux/amd64']);
      await pushImage(client.sink(to), image, 'latest');
      const source = await client.resolve(to);
      const [stranger] = makeIndex(['linux/amd64']).contents;
      const error = await rejection(source.read(stranger!.descriptor));
      expect(error).to.have.property('code', 'BLOB_NOT_FOUND');
      expect(String(error)).to.contain(stranger!.descriptor.digest);
    });

    it('refuses bytes that are not what the descriptor says', async () => {
      const [first, second] = makeIndex(['linux/amd64', 'linux/arm64']).contents.filter(
        ({ descriptor }) => descriptor.size === 1000,
      );
      const { Readable } = await import('node:stream');
      const sink = client.sink(repository());
      const put = sink.put(first!.descriptor, async () =>
        Readable.from([second!.bytes], { objectMode: false }),
      );
      expect(await rejection(put)).to.include({ code: 'REGISTRY_ERROR', registryCode: 'DIGEST_INVALID' });
    });
  });
}
