import { buffer } from 'node:stream/consumers';
import type { ImageReference } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';

describe('registry/blob-find', () => {
  const content = Buffer.from('content');
  let registry: TestRegistry;
  let client: RegistryClient;
  let blob: ImageReference;
  beforeEach(async () => {
    registry = await startTestRegistry({ redirectBlobs: true });
    client = createRegistryClient({ retry: { baseDelay: 1 } });
    blob = {
      registry: registry.host,
      repository: 'team/app',
      digest: registry.addBlob('team/app', content),
    };
  });
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  it('finds a blob and reads it', async () => {
    const source = await client.blob(blob);
    expect(source.root).to.deep.include({ digest: blob.digest, size: content.length });
    expect(await buffer(await source.read(source.root))).to.deep.equal(content);
  });

  it('goes on where the registry fails for a moment', async () => {
    registry.faults.push({ method: 'HEAD', status: 503 }, { method: 'HEAD', cutAfter: 0 });
    expect((await client.blob(blob)).root.size).to.equal(content.length);
  });

  it('finds what the registry has where a mirror does not', async () => {
    const mirror = await startTestRegistry();
    try {
      const through = createRegistryClient({ mirrors: { [registry.host]: [mirror.url] } });
      const source = await through.blob(blob);
      expect(await buffer(await source.read(source.root))).to.deep.equal(content);
      await through.close();
    } finally {
      await mirror.close();
    }
  });

  const refused: readonly (readonly [
    string,
    Parameters<TestRegistry['faults']['push']>[0],
    string,
    RegExp,
  ])[] = [
    [
      '404',
      { method: 'HEAD', status: 404 },
      'BLOB_NOT_FOUND',
      /^there is no blob sha256:\w+ in .*team\/app$/,
    ],
    ['403', { method: 'HEAD', status: 403 }, 'REGISTRY_DENIED', /^looking for blob sha256:/],
    [
      'an answer without a length',
      { method: 'HEAD', raw: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n' },
      'REGISTRY_ERROR',
      /does not say how long it is$/,
    ],
  ];
  for (const [what, fault, code, says] of refused) {
    it(`refuses ${what}`, async () => {
      registry.faults.push(fault);
      const error = await rejection(client.blob(blob));
      expect(error).to.have.property('code', code);
      expect(error.message).to.match(says);
    });
  }

  it('wants a digest', async () => {
    const { digest: _, ...untagged } = blob;
    expect(await rejection(client.blob(untagged))).to.have.property('code', 'INVALID_REFERENCE');
  });
});
