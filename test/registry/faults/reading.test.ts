import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { at, blobUrls, registryUser, signedIn, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/client reading', () => {
  const { clientWith, published: publish } = useRegistries();

  const bytes = randomBytes(500_000);

  const published = (options?: TestRegistryOptions) => publish(bytes, options);

  it('goes on where a cut connection stopped', async () => {
    const { registry, blob } = await published();
    const source = await clientWith().resolve(at(registry));
    registry.faults.push(
      { method: 'GET', url: blobUrls, cutBodyAfter: 100_000 },
      { method: 'GET', url: blobUrls, cutBodyAfter: 100_000 },
    );
    expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
    const ranges = registry.requests
      .filter(({ method }) => method === 'GET')
      .map(({ headers }) => headers.range);
    expect(ranges).to.have.length(3);
    expect(ranges[2]).to.match(/^bytes=\d+-$/);
  });

  it('starts again where Range is not known', async () => {
    const { registry, blob } = await published();
    const source = await clientWith().resolve(at(registry));
    registry.faults.push({ method: 'GET', url: blobUrls, cutBodyAfter: 100_000 });
    registry.faults.push({ method: 'GET', url: blobUrls, status: 200, body: bytes.toString('latin1') });
    const wrong = await rejection(buffer(await source.read(blob)));
    // The second answer is other bytes, in UTF-8: what was kept of the first must not hide it.
    expect(wrong)
      .to.have.property('code')
      .that.matches(/MISMATCH$/);
  });

  it('refuses damaged bytes at the end', async () => {
    const { registry, blob } = await published();
    const source = await clientWith().resolve(at(registry));
    registry.faults.push({ method: 'GET', url: blobUrls, status: 200, body: 'x'.repeat(blob.size) });
    expect(await rejection(buffer(await source.read(blob)))).to.have.property('code', 'DIGEST_MISMATCH');
  });

  it('follows a redirect without taking the credentials along', async () => {
    const { registry: elsewhere, blob } = await published();
    const { registry } = await published({ auth: { kind: 'basic', ...registryUser } });
    const source = await clientWith(signedIn(registry.host)).resolve(at(registry));
    const location = `http://${elsewhere.host}/v2/team/app/blobs/${blob.digest}?signature=1`;
    registry.faults.push({ method: 'GET', url: blobUrls, status: 307, headers: { location } });
    expect((await buffer(await source.read(blob))).length).to.equal(blob.size);
    const [asked] = elsewhere.requests;
    expect(asked?.url).to.match(/signature=1$/);
    expect(asked?.headers).to.not.have.property('authorization');
  });

  it('asks for a manifest once, and remembers it', async () => {
    const { registry } = await published();
    const stored = new Map<string, Uint8Array>();
    const manifestStore = {
      get: async (digest: string) => stored.get(digest),
      set: async (digest: string, manifest: Uint8Array) => void stored.set(digest, manifest),
    };
    for (const _run of [1, 2]) {
      const client = clientWith({ manifestStore });
      const source = await client.resolve(at(registry));
      await buffer(await source.read(source.root));
      await buffer(await source.read(source.root));
    }
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['HEAD', 'GET', 'HEAD']);
  });

  it('does not trust a damaged store', async () => {
    const { registry } = await published();
    const client = clientWith({
      manifestStore: { get: async () => Buffer.from('{}'), set: async () => undefined },
    });
    const source = await client.resolve(at(registry));
    expect((await buffer(await source.read(source.root))).toString()).to.equal('{"schemaVersion":2}');
  });
});
