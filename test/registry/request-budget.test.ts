import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { copyImage, type Descriptor, digestOf, type ImageSource, mediaTypes } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

interface Vector {
  readonly tool: string;
  readonly scenario: string;
  readonly requests: number;
}

/** The image of the vectors: three platforms with a config and four layers each, one of the layers shared by all. */
function vectorImage(): ImageSource {
  const contents = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer | object): Descriptor => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    contents.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const layer = (): Descriptor => add(mediaTypes.ociLayerGzip, randomBytes(1000));
  const shared = layer();
  const manifests = ['amd64', 'arm64', 'arm'].map((architecture) => {
    const layers = [shared, layer(), layer(), layer()];
    const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
    const config = add(mediaTypes.ociConfig, { os: 'linux', architecture, rootfs });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
    return { ...add(mediaTypes.ociManifest, manifest), platform: { os: 'linux', architecture } };
  });
  const root = add(mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  return {
    root,
    read: async ({ digest }) => Readable.from([contents.get(digest)], { objectMode: false }),
  };
}

/** What it is today: a request more is one to be explained. */
const today: Readonly<Record<string, number>> = {
  'push 3-platform cold (13 blobs, 3 manifests, 1 index)': 45,
  'push no-op': 1,
  'copy cold (both registries)': 63,
  'copy no-op (both)': 2,
  'same-registry copy, all blobs mounted': 27,
};

describe('registry/request budget', () => {
  const counts = new Map<string, number>();
  const registries: TestRegistry[] = [];

  before(async () => {
    const [from, to] = [await startTestRegistry(), await startTestRegistry()];
    registries.push(from, to);
    const image = vectorImage();
    const counted = async (scenario: string, work: (client: Client) => Promise<unknown>): Promise<void> => {
      const before = from.requests.length + to.requests.length;
      const client = createRegistryClient();
      await work(client);
      await client.close();
      counts.set(scenario, from.requests.length + to.requests.length - before);
    };
    const push = (client: Client) =>
      copyImage(image, client.sink({ registry: from.host, repository: 'app' }), { tags: ['1'] });
    const copy = async (client: Client, registry: string, repository: string) => {
      const source = await client.resolve({ registry: from.host, repository: 'app', tag: '1' });
      await copyImage(source, client.sink({ registry, repository }), { tags: ['1'] });
    };
    await counted('push 3-platform cold (13 blobs, 3 manifests, 1 index)', push);
    await counted('push no-op', push);
    await counted('copy cold (both registries)', (client) => copy(client, to.host, 'app'));
    await counted('copy no-op (both)', (client) => copy(client, to.host, 'app'));
    await counted('same-registry copy, all blobs mounted', (client) => copy(client, from.host, 'copy'));
  });
  after(async () => {
    for (const registry of registries) await registry.close();
  });

  registryVectors<Vector>('request-budget.json', {
    title: ({ tool, scenario, requests }) => `${scenario}: at most the ${requests} of ${tool}`,
    check: ({ scenario, requests }) => expect(counts.get(scenario)).to.be.at.most(requests),
  });

  for (const [scenario, requests] of Object.entries(today)) {
    it(`${scenario}: ${requests}`, () => expect(counts.get(scenario)).to.equal(requests));
  }
});

type Client = ReturnType<typeof createRegistryClient>;
