import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Descriptor, digestOf, mediaTypes } from '@mabuild/oci';
import { createRegistryClient, type RegistryOptions } from '@mabuild/registry';
import {
  type RegistryPhase,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { expect } from 'chai';
import { closedAfterEach } from '../support/closed-after-each.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { rejection } from '../support/rejection.ts';
import { servicesDescribe } from '../support/services.ts';

const mebibyte = 1024 * 1024;

interface Layer {
  readonly descriptor: Descriptor;
  /** How often the body was opened. */
  opened: number;
  open(): Promise<Readable>;
}

function layerOf(size: number): Layer {
  const bytes = randomBytes(size);
  const layer = {
    descriptor: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size },
    opened: 0,
    async open() {
      layer.opened += 1;
      return Readable.from(slices(bytes), { objectMode: false });
    },
  };
  return layer;
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

describe('registry/uploads', () => {
  const keep = closedAfterEach();

  async function start(options: TestRegistryOptions, more: RegistryOptions = {}) {
    const registry = keep(await startTestRegistry(options));
    const client = keep(createRegistryClient({ retry: { baseDelay: 1 }, ...more }));
    return { registry, client, sink: client.sink({ registry: registry.host, repository: 'app' }) };
  }

  /** What was asked since the last time, in order. */
  function phases(registry: TestRegistry): readonly RegistryPhase[] {
    return registry.requests.splice(0).map(({ phase }) => phase);
  }

  function holds(registry: TestRegistry, { descriptor }: Layer): boolean {
    return registry.blob('app', descriptor.digest)?.length === descriptor.size;
  }

  it('a blob is one POST and one PUT', async () => {
    const { registry, sink } = await start({});
    const layer = layerOf(300_000);
    await sink.put(layer.descriptor, layer.open);
    expect(phases(registry)).to.deep.equal(['upload-begin', 'upload-put']);
  });

  it('goes by one PATCH where a PUT takes no bytes, and the next blob does so at once', async () => {
    const { registry, sink } = await start({ profile: 'artifactory' });
    const [first, second] = [layerOf(300_000), layerOf(300_000)];
    await sink.put(first.descriptor, first.open);
    expect(phases(registry).filter((phase) => phase !== 'upload-cancel')).to.deep.equal([
      'upload-begin',
      'upload-put',
      'upload-begin',
      'upload-patch',
      'upload-put',
    ]);
    await sink.put(second.descriptor, second.open);
    expect(phases(registry)).to.deep.equal(['upload-begin', 'upload-patch', 'upload-put']);
    expect([first, second].map((layer) => holds(registry, layer))).to.deep.equal([true, true]);
    expect(second.opened).to.equal(1);
  });

  it('streams that PATCH without a length, as docker does', async () => {
    const { registry, sink } = await start({ profile: 'artifactory', maxChunk: 1000 });
    const layer = layerOf(300_000);
    await sink.put(layer.descriptor, layer.open);
    const patch = registry.requests.find(({ phase }) => phase === 'upload-patch');
    expect(patch?.headers['transfer-encoding']).to.equal('chunked');
    expect(patch?.headers['content-length']).to.equal(undefined);
    expect(patch?.headers['content-range']).to.equal(undefined);
  });

  it('goes in chunks where a body is too large, and only blobs as large as that do so from then on', async () => {
    const { registry, sink } = await start({ maxBody: 9 * mebibyte });
    const [first, second, small] = [layerOf(20 * mebibyte), layerOf(20 * mebibyte), layerOf(mebibyte)];
    await sink.put(first.descriptor, first.open);
    phases(registry);
    await sink.put(second.descriptor, second.open);
    // Of 8, 8 and 4 MiB.
    expect(phases(registry)).to.deep.equal([
      'upload-begin',
      'upload-patch',
      'upload-patch',
      'upload-patch',
      'upload-put',
    ]);
    await sink.put(small.descriptor, small.open);
    expect(phases(registry)).to.deep.equal(['upload-begin', 'upload-put']);
    expect([first, second, small].map((layer) => holds(registry, layer))).to.deep.equal([true, true, true]);
    expect(second.opened).to.equal(1);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('says where each chunk belongs', async () => {
    const { registry, sink } = await start({ maxBody: 17 * mebibyte });
    const layer = layerOf(20 * mebibyte + 5);
    await sink.put(layer.descriptor, layer.open);
    const ranges = registry.requests.map(({ headers }) => headers['content-range']).filter(Boolean);
    expect(ranges).to.deep.equal(['0-8388607', '8388608-16777215', '16777216-20971524']);
  });

  const lengths: readonly [name: string, options: TestRegistryOptions, chunk: number][] = [
    ['a least length that is told', { maxBody: 12 * mebibyte, minChunk: 11 * mebibyte }, 11 * mebibyte],
    ['ECR’s least part', { profile: 'ecr', maxBody: 9 * mebibyte }, 8 * mebibyte],
    ['GHCR’s 4 MiB', { profile: 'ghcr', maxBody: 9 * mebibyte }, 4 * mebibyte],
    ['a proxy’s usual 1 MiB', { maxBody: mebibyte }, mebibyte],
  ];
  for (const [name, options, chunk] of lengths) {
    it(`finds the length of chunks: ${name}`, async () => {
      const { registry, sink } = await start(options);
      const [first, second] = [layerOf(24 * mebibyte), layerOf(24 * mebibyte)];
      await sink.put(first.descriptor, first.open);
      registry.requests.length = 0;
      await sink.put(second.descriptor, second.open);
      const patches = registry.requests.filter(({ phase }) => phase === 'upload-patch');
      expect(patches[0]?.requestBytes).to.equal(chunk);
      expect(patches.map(({ requestBytes }) => requestBytes).reduce((sum, size) => sum + size)).to.equal(
        24 * mebibyte,
      );
      expect([first, second].map((layer) => holds(registry, layer))).to.deep.equal([true, true]);
    });
  }

  it('tells how much was written, over all chunks', async () => {
    const { sink } = await start({ maxBody: 9 * mebibyte });
    const layer = layerOf(20 * mebibyte);
    const told: number[] = [];
    await sink.put(layer.descriptor, layer.open, { onBytes: (written) => told.push(written) });
    expect(told.at(-1)).to.equal(layer.descriptor.size);
  });

  it('gives up with what the registry said when nothing is small enough', async () => {
    const { registry, sink } = await start({ maxBody: 1000 });
    const layer = layerOf(mebibyte);
    const error = await rejection(sink.put(layer.descriptor, layer.open));
    expect(error).to.include({ code: 'REGISTRY_ERROR', status: 413 });
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('passes an abort between chunks on, and gives the upload up', async () => {
    const { registry, sink } = await start({ maxBody: 9 * mebibyte });
    const layer = layerOf(20 * mebibyte);
    const controller = new AbortController();
    const reason = new Error('enough');
    const onBytes = (written: number) => {
      if (
        registry.requests.filter(({ phase }) => phase === 'upload-patch').length > 1 &&
        written > 9 * mebibyte
      )
        controller.abort(reason);
    };
    const putting = sink.put(layer.descriptor, layer.open, { onBytes, signal: controller.signal });
    expect(await rejection(putting)).to.equal(reason);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('passes on what the body failed with between chunks', async () => {
    const { registry, sink } = await start({ maxBody: 9 * mebibyte });
    const size = 20 * mebibyte;
    let opened = 0;
    const body = async () => {
      opened += 1;
      async function* bytes(): AsyncGenerator<Buffer> {
        for (let at = 0; at < size; at += mebibyte) {
          if (at > size / 2) throw new Error('the disk is gone');
          yield Buffer.alloc(mebibyte);
        }
      }
      return Readable.from(bytes(), { objectMode: false });
    };
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf('x'), size };
    expect(await rejection(sink.put(descriptor, body))).to.have.property('message', 'the disk is gone');
    expect(opened).to.be.below(5);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('sends a token anew in the middle of chunks', async () => {
    const user = { username: 'ci', password: 'secret' };
    const { registry, sink } = await start(
      { maxBody: 9 * mebibyte, auth: { kind: 'token', ...user } },
      { credentials: { credentialFor: async () => ({ kind: 'basic', ...user }) } },
    );
    registry.faults.push({ phase: 'upload-patch', skip: 2, expireTokens: true });
    const layer = layerOf(20 * mebibyte);
    await sink.put(layer.descriptor, layer.open);
    expect(holds(registry, layer)).to.equal(true);
    expect(registry.requests.filter(({ phase }) => phase === 'token').length).to.equal(2);
  });
});

servicesDescribe('registry/uploads to docker-registry', (services) => {
  let counter = 0;
  async function behind(maxBody: number, cut?: { readonly times: number; readonly afterBytes: number }) {
    let cuts = 0;
    const proxy = await startFaultProxy(services.registry, ({ method, url = '', headers }) => {
      if (!url.includes('/blobs/uploads/') || (method !== 'PUT' && method !== 'PATCH')) return undefined;
      if (Number(headers['content-length'] ?? 0) > maxBody) return { kind: 'answer', status: 413 };
      if (cut !== undefined && cuts < cut.times && Number(headers['content-length'] ?? 0) > cut.afterBytes) {
        cuts += 1;
        return { kind: 'cut', afterBytes: cut.afterBytes };
      }
      return undefined;
    });
    const client = createRegistryClient({ retry: { baseDelay: 1 } });
    counter += 1;
    const repository = `chunks-${process.pid}/app-${counter}`;
    return {
      proxy,
      client,
      sink: client.sink({ registry: proxy.host, repository }),
      direct: client.sink({ registry: services.registry, repository }),
    };
  }

  const rows: readonly [name: string, parameters: Parameters<typeof behind>][] = [
    ['in chunks behind a proxy that limits bodies', [9 * mebibyte]],
    ['in chunks of which some are cut', [9 * mebibyte, { times: 3, afterBytes: 3_000_000 }]],
    [
      'in chunks small enough for a connection that is cut after 6 MB',
      [99 * mebibyte, { times: 99, afterBytes: 6_000_000 }],
    ],
  ];
  for (const [name, parameters] of rows) {
    it(`goes ${name}`, async () => {
      const { proxy, client, sink, direct } = await behind(...parameters);
      const layer = layerOf(20 * mebibyte);
      await sink.put(layer.descriptor, layer.open);
      expect(await direct.has(layer.descriptor)).to.equal(true);
      expect(proxy.requests.some((request) => request.startsWith('PATCH'))).to.equal(true);
      await client.close();
      await proxy.close();
    });
  }
});
