import { Readable } from 'node:stream';
import { type ImageReference, isMabuildError } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import { type RegistryFault, startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';
import { servicesDescribe } from '../../support/services.ts';

const tagUrl = /manifests\/1$/;
const images = [makeIndex(['linux/amd64']), makeIndex(['linux/arm64']), makeIndex(['linux/arm/v7'])] as const;
const [first, second, third] = images;

function openRoot(image: (typeof images)[number]) {
  return async () => Readable.from([image.contents.at(-1)!.bytes], { objectMode: false });
}

describe('registry/tag', () => {
  let registry: TestRegistry;
  let client: RegistryClient;
  let to: ImageReference;

  beforeEach(async () => {
    registry = await startTestRegistry();
    client = createRegistryClient({ retry: { baseDelay: 1 } });
    to = { registry: registry.host, repository: 'app' };
    for (const image of images)
      await pushImage(client.sink(to), image, `of-${image.root.digest.slice(7, 12)}`);
    await client.sink(to).tag('1', first.root);
    registry.requests.length = 0;
  });
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  function puts(): readonly { condition: string | undefined; status: number }[] {
    return registry.requests
      .filter(({ method, url }) => method === 'PUT' && tagUrl.test(url))
      .map(({ headers, status }) => ({ condition: headers['if-match'] ?? headers['if-none-match'], status }));
  }

  it('writes what is expected to be elsewhere', async () => {
    await client.sink(to).tag('1', second.root, { expected: first.root });
    expect(registry.tagOf('app', '1')).to.equal(second.root.digest);
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['HEAD', 'PUT', 'HEAD']);
  });

  it('writes nothing over what is not expected', async () => {
    const error = await rejection(client.sink(to).tag('1', second.root, { expected: third.root }));
    expect(error).to.include({
      code: 'REGISTRY_TAG_MOVED',
      message: `tagging ${registry.host}/app:1: it points at ${first.root.digest} by now, not at ${third.root.digest}`,
    });
    expect(puts()).to.deep.equal([]);
  });

  it('is content with a tag that is there already, whatever was expected', async () => {
    await client.sink(to).tag('1', first.root, { expected: third.root });
    await client.sink(to).tag('1', first.root, { expected: 'absent' });
    expect(puts()).to.deep.equal([]);
  });

  it('makes a tag only where there is none', async () => {
    await client.sink(to).tag('new', second.root, { expected: 'absent' });
    expect(registry.tagOf('app', 'new')).to.equal(second.root.digest);
    const error = await rejection(client.sink(to).tag('1', second.root, { expected: 'absent' }));
    expect(error).to.include({ code: 'REGISTRY_TAG_MOVED' });
  });

  const head = (etag: string): RegistryFault => ({
    method: 'HEAD',
    url: tagUrl,
    status: 200,
    headers: {
      etag,
      'docker-content-digest': first.root.digest,
      'content-type': first.root.mediaType,
    },
    body: first.contents.at(-1)!.bytes.toString(),
  });
  const conditions: readonly [name: string, etag: string, condition: string | undefined][] = [
    ['a strong ETag is sent back', '"abc"', '"abc"'],
    ['a weak one is not', 'W/"abc"', undefined],
  ];
  for (const [name, etag, condition] of conditions) {
    it(name, async () => {
      registry.faults.push(head(etag));
      await client.sink(to).tag('1', second.root, { expected: first.root });
      expect(puts()).to.deep.equal([{ condition, status: 201 }]);
    });
  }

  it('hears from the registry that somebody was faster', async () => {
    registry.faults.push(head('"abc"'), { method: 'PUT', url: tagUrl, status: 412 });
    const sink = client.sink(to);
    const writing = sink.tag('1', second.root, {
      expected: first.root,
      open: async () => {
        registry.addManifest('app', '1', third.root.mediaType, third.contents.at(-1)!.bytes);
        return openRoot(second)();
      },
    });
    expect(await rejection(writing)).to.include({ code: 'REGISTRY_TAG_MOVED' });
    expect(registry.tagOf('app', '1')).to.equal(third.root.digest);
  });

  it('goes on without a condition where a registry does not know its own ETag', async () => {
    registry.faults.push(head('"abc"'), { method: 'PUT', url: tagUrl, status: 412 });
    await client.sink(to).tag('1', second.root, { expected: first.root });
    expect(registry.tagOf('app', '1')).to.equal(second.root.digest);
    expect(puts().map(({ condition }) => condition)).to.deep.equal(['"abc"', undefined]);
  });

  it('is done when the answer to a write was lost and its repetition is refused', async () => {
    registry.faults.push(
      { method: 'PUT', url: tagUrl, cutAfterAnswer: true },
      { method: 'PUT', url: tagUrl, status: 412 },
    );
    await client.sink(to).tag('1', second.root, { expected: first.root });
    expect(registry.tagOf('app', '1')).to.equal(second.root.digest);
  });

  it('says at once when another push won between the write and the re-read', async () => {
    registry.faults.push({
      method: 'HEAD',
      url: tagUrl,
      skip: 1,
      status: 200,
      headers: { 'docker-content-digest': third.root.digest, 'content-type': third.root.mediaType },
      body: 'x',
    });
    const error = await rejection(client.sink(to).tag('1', second.root, { expected: first.root }));
    expect(error).to.include({ code: 'REGISTRY_TAG_MOVED' });
    expect(registry.requests.filter(({ method }) => method === 'HEAD')).to.have.length(2);
  });

  const refusals: readonly [string, RegistryFault][] = [
    [
      'ECR',
      {
        status: 400,
        body: JSON.stringify({
          errors: [
            {
              code: 'TAG_INVALID',
              message:
                "The image tag '1' already exists and cannot be overwritten because the tag is immutable.",
            },
          ],
        }),
      },
    ],
    [
      'Harbor',
      {
        status: 412,
        body: JSON.stringify({
          errors: [{ code: 'PRECONDITION', message: "'app:1' configured as immutable" }],
        }),
      },
    ],
    [
      'GitLab',
      { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: 'immutable tag' }] }) },
    ],
  ];
  for (const [name, fault] of refusals) {
    it(`explains the immutable tags of ${name}`, async () => {
      registry.faults.push({ method: 'PUT', url: tagUrl, ...fault });
      const error = await rejection(client.sink(to).tag('1', second.root));
      expect(error).to.include({ code: 'REGISTRY_DENIED', status: fault.status });
      expect(isMabuildError(error) && error.hint).to.contain('immutable');
      expect(String(error)).to.contain(first.root.digest);
    });

    it(`takes an immutable tag of ${name} that is ours for done`, async () => {
      registry.faults.push(
        { method: 'HEAD', url: tagUrl, status: 404 },
        { method: 'PUT', url: tagUrl, ...fault },
      );
      await client.sink(to).tag('1', first.root);
      expect(puts()).to.have.length(1);
    });
  }

  it('passes other refusals on', async () => {
    registry.faults.push({ method: 'PUT', url: tagUrl, status: 403 });
    expect(await rejection(client.sink(to).tag('1', second.root))).to.include({
      code: 'REGISTRY_DENIED',
      status: 403,
    });
    expect(registry.tagOf('app', '1')).to.equal(first.root.digest);
  });
});

servicesDescribe('registry/tag on docker-registry', (services) => {
  it('moves a tag from what is expected, and from nothing else', async () => {
    const client = createRegistryClient({ retry: { baseDelay: 1 } });
    const to = { registry: services.registry, repository: `tags-${process.pid}/app` };
    for (const image of images)
      await pushImage(client.sink(to), image, `of-${image.root.digest.slice(7, 12)}`);
    const sink = client.sink(to);
    await sink.tag('1', first.root, { expected: 'absent' });
    await sink.tag('1', second.root, { expected: first.root });
    expect(await rejection(sink.tag('1', third.root, { expected: first.root }))).to.include({
      code: 'REGISTRY_TAG_MOVED',
    });
    expect((await client.resolve({ ...to, tag: '1' })).root.digest).to.equal(second.root.digest);
    await client.close();
  });
});
