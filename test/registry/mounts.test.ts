import { copyImage, mediaTypes, type PushEvent } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import {
  type RegistryPhase,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../support/image.ts';
import { servicesDescribe } from '../support/services.ts';

describe('registry/mounts', () => {
  let registry: TestRegistry;
  let client: RegistryClient;

  async function start(options: TestRegistryOptions): Promise<void> {
    registry = await startTestRegistry(options);
    client = createRegistryClient({ retry: { baseDelay: 1 } });
  }
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  const at = (repository: string) => ({ registry: registry.host, repository });
  const count = (phase: RegistryPhase): number =>
    registry.requests.filter((request) => request.phase === phase).length;

  /** Pushes an image of one layer and one config to `from`, copies it to `to`, and tells what became of the blobs. */
  async function copy(): Promise<readonly string[]> {
    const image = makeIndex(['linux/amd64']);
    await pushImage(client.sink(at('from')), image, '1');
    return copyAgain();
  }

  async function copyAgain(tag = '1'): Promise<readonly string[]> {
    registry.requests.length = 0;
    const states: PushEvent[] = [];
    await copyImage(await client.resolve({ ...at('from'), tag: '1' }), client.sink(at('to')), {
      tags: [tag],
      onEvent: (event) => states.push(event),
    });
    return states
      .filter(({ descriptor, state }) => /layer|config/.test(descriptor.mediaType) && state !== 'sending')
      .map(({ state }) => state);
  }

  it('costs one request a blob, and no byte', async () => {
    await start({});
    expect(await copy()).to.deep.equal(['mounted', 'mounted']);
    expect([count('mount'), count('blob-head'), count('upload-put'), count('blob-get')]).to.deep.equal([
      2, 0, 0, 0,
    ]);
  });

  it('goes on with the upload that a registry begins instead', async () => {
    await start({ mount: false });
    expect(await copy()).to.deep.equal(['sent', 'sent']);
    expect([
      count('mount'),
      count('upload-begin'),
      count('upload-put'),
      count('upload-cancel'),
    ]).to.deep.equal([2, 0, 2, 0]);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('asks first from then on', async () => {
    await start({ mount: false });
    await copy();
    const image = makeIndex(['linux/amd64']);
    await pushImage(client.sink(at('from')), image, '1');
    for (const { descriptor, bytes } of image.contents.slice(0, 2)) {
      expect(registry.addBlob('to', bytes)).to.equal(descriptor.digest);
    }
    await copyAgain();
    expect([count('mount'), count('blob-head'), count('upload-put')]).to.deep.equal([0, 2, 0]);
  });

  it('gives up an upload that was begun in vain', async () => {
    await start({ mount: false });
    const image = makeIndex(['linux/amd64']);
    const [{ descriptor, bytes } = { descriptor: image.root, bytes: Buffer.alloc(0) }] = image.contents;
    await pushImage(client.sink(at('from')), image, '1');
    const sink = client.sink(at('to'));
    expect(await sink.mount?.(descriptor, at('from'))).to.equal(false);
    expect(registry.openUploads()).to.have.length(1);
    registry.addBlob('to', bytes);
    expect(await sink.has(descriptor)).to.equal(true);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('leaves nothing open when nobody goes on', async () => {
    await start({ mount: false });
    const [content] = makeIndex(['linux/amd64']).contents;
    expect(await client.sink(at('to')).mount?.(content!.descriptor, at('from'))).to.equal(false);
    expect(registry.openUploads()).to.have.length(1);
    await client.close();
    expect(registry.openUploads()).to.deep.equal([]);
  });

  for (const status of [400, 401, 403, 404, 405]) {
    it(`sends what a registry refuses to mount with ${status}`, async () => {
      await start({ faults: [{ phase: 'mount', url: /from=/, status, times: 9 }] });
      const image = makeIndex(['linux/amd64']);
      await pushImage(client.sink(at('from')), image, '1');
      expect(await copyAgain()).to.deep.equal(['sent', 'sent']);
    });
  }

  describe('without a repository to mount from', () => {
    it('costs nothing more than the request that begins an upload', async () => {
      await start({ anonymousMount: true });
      const image = makeIndex(['linux/amd64']);
      await pushImage(client.sink(at('somewhere')), image, '1');
      registry.requests.length = 0;
      const states: string[] = [];
      await copyImage(image.source, client.sink(at('to')), {
        tags: ['1'],
        onEvent: ({ state, descriptor }) => {
          if (descriptor.mediaType === mediaTypes.ociLayerGzip) states.push(state);
        },
      });
      expect(states).to.deep.equal(['mounted']);
      expect(count('upload-put')).to.equal(0);
    });

    it('is asked once of a registry that does not know it', async () => {
      await start({ faults: [{ method: 'POST', url: /mount=/, status: 400, times: 99 }] });
      const image = makeIndex(['linux/amd64', 'linux/arm64']);
      await pushImage(client.sink(at('to')), image, '1');
      const posts = registry.requests.filter(({ method }) => method === 'POST');
      expect(posts.map(({ url }) => url.includes('mount='))).to.deep.equal([
        true,
        false,
        false,
        false,
        false,
      ]);
    });
  });
});

servicesDescribe('registry/mounts at docker-registry', (services) => {
  it('mounts all, or goes on with the upload', async () => {
    const client = createRegistryClient({ retry: { baseDelay: 1 } });
    const at = (name: string) => ({
      registry: services.registry,
      repository: `mounts-${process.pid}/${name}`,
    });
    const image = makeIndex(['linux/amd64', 'linux/arm64'], 100_000);
    await pushImage(client.sink(at('from')), image, '1');
    const source = await client.resolve({ ...at('from'), tag: '1' });
    const states = new Set<string>();
    await copyImage(source, client.sink(at('to')), {
      tags: ['1'],
      onEvent: ({ state, descriptor }) => {
        if (descriptor.mediaType === mediaTypes.ociLayerGzip) states.add(state);
      },
    });
    expect([...states]).to.deep.equal(['mounted']);

    const [content] = makeIndex(['linux/amd64']).contents;
    const { Readable } = await import('node:stream');
    const sink = client.sink(at('to'));
    expect(await sink.mount?.(content!.descriptor, at('from'))).to.equal(false);
    await sink.put(content!.descriptor, async () => Readable.from([content!.bytes], { objectMode: false }));
    expect(await client.sink(at('to')).has(content!.descriptor)).to.equal(true);
    await client.close();
  });
});
