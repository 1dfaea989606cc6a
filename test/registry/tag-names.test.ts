import { Readable } from 'node:stream';
import { digestOf, mediaTypes } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { rejection } from '../support/rejection.ts';

const bytes = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);
const manifest = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };

describe('tags that are none, as another registry may list them', () => {
  let registry: TestRegistry;
  let client: RegistryClient;
  beforeEach(async () => {
    registry = await startTestRegistry();
    client = createRegistryClient();
  });
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  const names = ['../../other/manifests/latest', '..', '', 'a/b', 'a?b', 'a#b', '%2e%2e', 'a b', '\u001b[2J'];
  for (const name of names) {
    it(`lead nowhere: ${JSON.stringify(name)}`, async () => {
      const reference = { registry: registry.host, repository: 'team/app', tag: name };
      const open = async (): Promise<Readable> => Readable.from([bytes], { objectMode: false });
      const tries = [
        () => client.resolve(reference),
        () => client.delete(reference),
        () => client.sink(reference).tag(name, manifest, { open }),
      ];
      for (const attempt of tries) {
        expect(await rejection(attempt())).to.have.property('code', 'INVALID_REFERENCE');
      }
      expect(registry.requests).to.deep.equal([]);
    });
  }
});
