import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { mediaTypes } from '@mabuild/oci';
import type { RegistryFault, TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../../support/image.ts';
import { at, registryUser, signedIn, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/client reading through mirrors', () => {
  const { clientWith, registryWith, published: publish } = useRegistries();

  const bytes = randomBytes(500_000);

  const published = (options?: TestRegistryOptions) => publish(bytes, options);

  it('asks the mirror and not the registry', async () => {
    const { registry: mirror, blob } = await published();
    const reference = { registry: 'docker.io', repository: 'team/app', tag: 'latest' };
    const client = clientWith({ mirrors: { 'docker.io': [`http://${mirror.host}`] } });
    const source = await client.resolve(reference);
    expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
    expect(source.mountableFrom?.(blob)).to.deep.equal({ registry: 'docker.io', repository: 'team/app' });
  });

  it('knows mirrors below a path', async () => {
    const mirror = await registryWith({ strict: false });
    mirror.addManifest('hub/team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
    const client = clientWith({ mirrors: { 'docker.io': [`http://${mirror.host}/hub/`] } });
    await client.resolve({ registry: 'docker.io', repository: 'team/app', tag: 'latest' });
  });

  const troubles: readonly [string, RegistryFault][] = [
    ['404', { status: 404 }],
    ['500', { status: 500, times: 9 }],
    ['401', { status: 401, headers: { 'www-authenticate': 'Basic realm="mirror"' } }],
    ['a cut connection', { cutAfter: 0, times: 9 }],
  ];
  for (const [name, fault] of troubles) {
    it(`falls back after ${name}`, async () => {
      const mirror = await registryWith({ faults: [fault] });
      const { registry, blob } = await published({ auth: { kind: 'basic', ...registryUser } });
      const client = clientWith({
        ...signedIn(registry.host),
        mirrors: { [registry.host]: [`http://${mirror.host}`] },
      });
      const source = await client.resolve(at(registry));
      expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
      expect(mirror.requests.map(({ headers }) => headers.authorization)).to.not.include.members([
        registry.requests.at(-1)?.headers.authorization,
      ]);
      expect(client.events.filter(({ type }) => type === 'registry-mirror-skipped')).to.have.length(1);
    });
  }

  it('falls back for a blob that the mirror lacks', async () => {
    const { registry, blob } = await published();
    const mirror = await registryWith({ strict: false });
    mirror.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{"schemaVersion":2}'));
    const client = clientWith({ mirrors: { [registry.host]: [`http://${mirror.host}`] } });
    const source = await client.resolve(at(registry));
    expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
  });

  it('never writes to a mirror', async () => {
    const [registry, mirror] = [await registryWith(), await registryWith()];
    const client = clientWith({ mirrors: { [registry.host]: [`http://${mirror.host}`] } });
    await pushImage(client.sink(at(registry)), makeIndex(['linux/amd64']), 'latest');
    expect(mirror.requests).to.deep.equal([]);
  });

  it('names what is nowhere', async () => {
    const [registry, mirror] = [await registryWith(), await registryWith()];
    const client = clientWith({ mirrors: { [registry.host]: [`http://${mirror.host}`] } });
    expect(await rejection(client.resolve(at(registry)))).to.have.property('code', 'IMAGE_NOT_FOUND');
  });
});
