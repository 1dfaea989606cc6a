import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { digestOf, mediaTypes } from '@mabuild/oci';
import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex } from '../../support/image.ts';
import { at, blobOf, inSlices, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/client aborted', () => {
  const { clientWith, registryWith } = useRegistries();

  const reason = new Error('enough');
  const bytes = randomBytes(2_000_000);

  const rows: readonly [string, RegistryFault][] = [
    ['while an upload begins', { method: 'POST', delay: 100 }],
    ['in mid-upload', { method: 'PUT', hang: true }],
    ['in the wait before another attempt', { method: 'POST', status: 429, headers: { 'retry-after': '50' } }],
  ];
  for (const [name, fault] of rows) {
    it(`${name} leaves nothing open`, async () => {
      const registry = await registryWith({ faults: [fault] });
      const controller = new AbortController();
      const { signal } = controller;
      const put = clientWith().sink(at(registry)).put(blobOf(bytes), inSlices(bytes), { signal });
      setTimeout(() => controller.abort(reason), 50);
      expect(await rejection(put)).to.equal(reason);
      expect(registry.openUploads()).to.deep.equal([]);
      expect(registry.blob('team/app', digestOf(bytes))).to.equal(undefined);
    });
  }

  it('before anything asks nothing', async () => {
    const registry = await registryWith();
    const signal = AbortSignal.abort(reason);
    const client = clientWith();
    const sink = client.sink(at(registry));
    const image = makeIndex(['linux/amd64']);
    const calls = [
      client.resolve(at(registry), { signal }),
      sink.has(image.root, { signal }),
      sink.put(blobOf(bytes), inSlices(bytes), { signal }),
      sink.tag('latest', image.root, { signal }),
    ];
    for (const call of calls) {
      expect(await rejection(call)).to.equal(reason);
    }
    expect(registry.requests).to.deep.equal([]);
  });

  it('ends a request that is never answered', async () => {
    const registry = await registryWith({ faults: [{ hang: true }] });
    const controller = new AbortController();
    const resolving = clientWith().resolve(at(registry), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    expect(await rejection(resolving)).to.equal(reason);
  });

  it('ends a download', async () => {
    const registry = await registryWith({ strict: false });
    registry.addBlob('team/app', bytes);
    registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
    const controller = new AbortController();
    const source = await clientWith().resolve(at(registry));
    const stream = await source.read(blobOf(bytes), { signal: controller.signal });
    stream.once('data', () => controller.abort(reason));
    expect(await rejection(buffer(stream))).to.equal(reason);
  });

  it('of a signal that is aborted without an Error is passed on', async () => {
    const registry = await registryWith({ faults: [{ hang: true }] });
    const controller = new AbortController();
    const resolving = clientWith().resolve(at(registry), { signal: controller.signal });
    setTimeout(() => controller.abort('plain words'), 30);
    expect(await rejection(resolving)).to.equal('plain words');
  });
});
