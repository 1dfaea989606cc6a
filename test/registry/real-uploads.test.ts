import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { digestOf, type ImageReference, mediaTypes } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { rejection } from '../support/rejection.ts';
import { servicesDescribe } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';

servicesDescribe('registry/client uploading to docker-registry', (services) => {
  const bytes = randomBytes(8_000_000);
  const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
  let counter = 0;

  function repository(): ImageReference {
    counter += 1;
    return { registry: services.registry, repository: `uploads-${process.pid}/app-${counter}` };
  }

  async function* slices(stall: () => void): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 65_536) {
      yield bytes.subarray(at, at + 65_536);
      if (at > bytes.length / 2) stall();
      await new Promise(setImmediate);
    }
  }

  // docker-registry 2.8 answers 404 to a DELETE whose signed offset is behind what a cut PUT left on its disk, so what can
  // be held is that the upload was given up; the in-process registry holds that none stays open.
  it('gives the upload up after an abort in the middle', async () => {
    const proxy = await startFaultProxy(services.registry, () => undefined);
    const to = { ...repository(), registry: proxy.host };
    const controller = new AbortController();
    const reason = new Error('enough');
    const client = createRegistryClient();
    const body = async () =>
      Readable.from(
        slices(() => controller.abort(reason)),
        { objectMode: false },
      );
    expect(await rejection(client.sink(to).put(layer, body, { signal: controller.signal }))).to.equal(reason);
    expect(await client.sink(to).has(layer)).to.equal(false);
    expect(proxy.requests.some((request) => request.startsWith('DELETE /v2/'))).to.equal(true);
    await proxy.close();
    await client.close();
  });

  it('takes a blob that is sent while it is made, and has it when it is put', async () => {
    const client = createRegistryClient();
    const sink = client.sink(repository());
    const open = async () =>
      Readable.from(
        slices(() => {}),
        { objectMode: false },
      );
    await sink.follow?.({ open, finished: Promise.resolve(layer) });
    expect(await sink.has(layer)).to.equal(false);
    // Nothing is left to be read.
    await sink.put(layer, async () => Readable.from([]));
    expect(await sink.has(layer)).to.equal(true);
    await client.close();
  });

  it('passes on what the body failed with', async () => {
    const to = repository();
    const client = createRegistryClient();
    const body = async () =>
      Readable.from(
        slices(() => {
          throw new Error('the disk is gone');
        }),
        { objectMode: false },
      );
    expect(await rejection(client.sink(to).put(layer, body))).to.have.property('message', 'the disk is gone');
    await client.close();
  });

  it('survives a connection cut in mid-upload', async () => {
    const to = repository();
    let cuts = 0;
    const proxy = await startFaultProxy(services.registry, ({ method, url = '' }) => {
      if (method !== 'PUT' || !url.includes('/blobs/') || cuts === 2) return undefined;
      cuts += 1;
      return { kind: 'cut', afterBytes: 1_000_000 };
    });
    const client = createRegistryClient({ retry: { baseDelay: 1 } });
    const body = async () =>
      Readable.from(
        slices(() => undefined),
        { objectMode: false },
      );
    await client.sink({ ...to, registry: proxy.host }).put(layer, body);
    expect(cuts).to.equal(2);
    expect(await client.sink(to).has(layer)).to.equal(true);
    await client.close();
    await proxy.close();
  });

  it('pushes 300 MB with less than 120 MB of memory', async function () {
    this.timeout(120_000);
    const output = await run(process.execPath, [
      join(repositoryRoot, 'bench/push-memory.mjs'),
      services.registry,
      '300',
    ]);
    console.log(`      ${output.trim()}`);
    expect(JSON.parse(output).peakMegabytes).to.be.below(120);
  });
});
