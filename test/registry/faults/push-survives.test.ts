import { randomBytes } from 'node:crypto';
import { digestOf } from '@mabuild/oci';
import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../../support/image.ts';
import {
  at,
  blobOf,
  inSlices,
  manifestUrls,
  registryUser,
  signedIn,
  uploadUrls,
  useRegistries,
} from '../../support/registries.ts';

describe('registry/client pushing survives', () => {
  const { clientWith, registryWith } = useRegistries();

  const faults: readonly [string, readonly RegistryFault[]][] = [
    ['429 with Retry-After: 0', [{ status: 429, headers: { 'retry-after': '0' } }]],
    ['429 in everything once', ['HEAD', 'POST', 'PUT'].map((method) => ({ method, status: 429 }))],
    ['500', [{ status: 500 }]],
    ['503 while a blob is uploaded', [{ method: 'PUT', url: uploadUrls, status: 503 }]],
    ['408 while the manifest is written', [{ method: 'PUT', url: manifestUrls, status: 408 }]],
    ['a connection cut before the answer', [{ method: 'HEAD', cutAfter: 0 }]],
    ['a connection cut when an upload begins', [{ method: 'POST', cutAfter: 0 }]],
    ['a connection cut in mid-upload', [{ method: 'PUT', url: uploadUrls, cutAfter: 200_000 }]],
    ['two cuts in mid-upload', [{ method: 'PUT', url: uploadUrls, cutAfter: 200_000, times: 2 }]],
    ['an answer lost after an upload', [{ method: 'PUT', url: uploadUrls, cutAfterAnswer: true }]],
    ['an answer lost after the manifest', [{ method: 'PUT', url: manifestUrls, cutAfterAnswer: true }]],
    [
      'an upload that the registry forgot',
      [
        {
          method: 'PUT',
          url: uploadUrls,
          status: 404,
          body: JSON.stringify({ errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] }),
        },
      ],
    ],
    ['a tag that appears late', [{ method: 'HEAD', url: /manifests\/latest/, skip: 1, status: 404 }]],
    [
      'a registry whose HEAD says nothing',
      [{ method: 'HEAD', url: /manifests\/latest/, skip: 1, status: 200 }],
    ],
    ['a registry without HEAD', [{ method: 'HEAD', url: manifestUrls, status: 405, times: 9 }]],
    ['slow answers', [{ delay: 30, times: 5 }]],
  ];
  for (const [name, list] of faults) {
    it(name, async () => {
      const registry = await registryWith({ faults: list });
      const client = clientWith();
      const image = makeIndex(['linux/amd64', 'linux/arm64'], 1_000_000);
      await pushImage(client.sink(at(registry)), image, 'latest');
      expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
      for (const { descriptor, bytes } of image.contents) {
        const stored =
          registry.blob('team/app', descriptor.digest) ??
          registry.manifest('team/app', descriptor.digest)?.bytes;
        expect(stored?.equals(bytes)).to.equal(true);
      }
      expect(registry.openUploads()).to.deep.equal([]);
    });
  }

  it('tokens that expire in the middle', async () => {
    const registry = await registryWith({ auth: { kind: 'token', ...registryUser } });
    const client = clientWith(signedIn(registry.host));
    const sink = client.sink(at(registry));
    const image = makeIndex(['linux/amd64', 'linux/arm64'], 300_000);
    const first = image.contents[0]!;
    await sink.put(first.descriptor, inSlices(first.bytes));
    registry.expireTokens();
    await pushImage(sink, image, 'latest');
    expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
    expect(registry.requests.filter(({ url }) => url.startsWith('/token'))).to.have.length(2);
  });

  it('a token that expires between the two requests of an upload', async () => {
    const registry = await registryWith({ auth: { kind: 'token', ...registryUser } });
    const client = clientWith(signedIn(registry.host));
    const bytes = randomBytes(3_000_000);
    let opened = 0;
    await client.sink(at(registry)).put(blobOf(bytes), async () => {
      opened += 1;
      if (opened === 1) registry.expireTokens();
      return inSlices(bytes)();
    });
    expect(registry.blob('team/app', digestOf(bytes))?.length).to.equal(bytes.length);
    expect(registry.openUploads()).to.deep.equal([]);
  });
});
