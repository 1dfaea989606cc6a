import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { mediaTypes } from '@mabuild/oci';
import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { at, blobOf, inSlices, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry over a connection that was given up while idle', () => {
  const { registryWith, clientWith } = useRegistries();
  const manifest = Buffer.from('{"schemaVersion":2}');

  async function warm() {
    const registry = await registryWith({ strict: false });
    registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, manifest);
    const client = clientWith({ retry: { baseDelay: 1, attempts: 3 } });
    const source = await client.resolve(at(registry));
    registry.requests.length = 0;
    return { registry, client, source };
  }

  it('asks again over another, without a word and without a wait', async () => {
    const { registry, client } = await warm();
    registry.faults.push({ method: 'HEAD', cutAfter: 0 });
    await client.resolve(at(registry));
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['HEAD', 'HEAD']);
    expect(client.events).to.deep.equal([]);
  });

  it('opens a body over another', async () => {
    const { registry, client, source } = await warm();
    const bytes = randomBytes(100_000);
    registry.addBlob('team/app', bytes);
    registry.faults.push({ method: 'GET', cutAfter: 0 });
    expect((await buffer(await source.read(blobOf(bytes)))).equals(bytes)).to.equal(true);
    expect(client.events).to.deep.equal([]);
  });

  it('begins an upload and writes a manifest over another', async () => {
    const { registry, client } = await warm();
    const bytes = randomBytes(1000);
    const sink = client.sink(at(registry));
    const descriptor = { ...blobOf(manifest), mediaType: mediaTypes.ociManifest };
    registry.faults.push({ method: 'POST', cutAfter: 0 }, { method: 'PUT', url: /manifests/, cutAfter: 0 });
    await sink.put(blobOf(bytes), inSlices(bytes));
    await sink.put(descriptor, inSlices(manifest));
    expect(registry.manifest('team/app', descriptor.digest)?.bytes.equals(manifest)).to.equal(true);
    expect(client.events).to.deep.equal([]);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('ends when every connection is cut', async () => {
    const { registry, client } = await warm();
    registry.faults.push({ cutAfter: 0, times: Number.POSITIVE_INFINITY });
    const error = await rejection(client.resolve(at(registry)));
    expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
    expect(client.events).to.have.length(2);
  });

  const counted: readonly [string, RegistryFault][] = [
    ['a fresh connection is cut', { method: 'HEAD', cutAfter: 0 }],
    ['an answer breaks off', { method: 'GET', url: /manifests/, cutBodyAfter: 5 }],
  ];
  for (const [title, fault] of counted) {
    it(`tells of it when ${title}`, async () => {
      const registry = await registryWith({ strict: false, faults: [fault] });
      registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, manifest);
      const client = clientWith();
      const source = await client.resolve(at(registry));
      await buffer(await source.read(source.root));
      expect(client.events.map(({ type }) => type)).to.deep.equal(['registry-retry']);
    });
  }

  it('knows a server that ends connections after a while', async () => {
    let connections = 0;
    const server = createServer({ keepAliveTimeout: 1 }, (_, response) => {
      const headers = { 'content-type': mediaTypes.ociManifest, 'content-length': manifest.length };
      response.writeHead(200, { ...headers, 'docker-content-digest': blobOf(manifest).digest }).end();
    });
    server.on('connection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const client = clientWith();
      const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      for (let round = 0; round < 4; round += 1) {
        await client.resolve({ registry, repository: 'team/app', tag: 'latest' });
        server.closeIdleConnections();
      }
      expect(connections).to.be.greaterThan(1);
      expect(client.events).to.deep.equal([]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
