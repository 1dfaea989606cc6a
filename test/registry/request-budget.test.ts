import { copyImage } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex } from '../support/image.ts';

// Three platforms with one layer each: 6 blobs, 3 manifests, 1 index.
describe('registry/request budget', () => {
  it('pushes with HEAD, POST and PUT per blob, and asks one question when all is there', async () => {
    const registry = await startTestRegistry();
    const client = createRegistryClient();
    const to = { registry: registry.host, repository: 'app' };
    const image = makeIndex(['linux/amd64', 'linux/arm64', 'linux/arm/v7']);
    await copyImage(image.source, client.sink(to), { tags: ['1'] });
    const cold = registry.requests.length;
    await copyImage(image.source, client.sink(to), { tags: ['1'] });
    const again = registry.requests.length - cold;
    await client.close();
    await registry.close();
    // HEAD + POST + PUT a blob, HEAD + PUT a manifest, and the tag: HEAD, PUT, and HEAD to confirm.
    expect(cold).to.be.at.most(6 * 3 + 3 * 2 + 3);
    expect(again).to.equal(1);
  });
});
