import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { copyImage, digestOf, mediaTypes } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient, type RegistryEvent } from '@mabuild/registry';
import {
  type RegistryFault,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';

const mebibyte = 1024 * 1024;
const bytes = randomBytes(3 * mebibyte);
const blob = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
const always = Number.POSITIVE_INFINITY;

describe('registry/resume', () => {
  let registry: TestRegistry;
  let client: RegistryClient;
  let events: RegistryEvent[];

  async function start(options: TestRegistryOptions): Promise<void> {
    events = [];
    registry = await startTestRegistry(options);
    client = createRegistryClient({
      retry: { baseDelay: 1, attempts: 3 },
      onEvent: (event) => events.push(event),
    });
  }
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  describe('of a download', () => {
    async function read(options: TestRegistryOptions): Promise<Buffer> {
      await start(options);
      registry.addBlob('app', bytes);
      registry.addManifest('app', '1', mediaTypes.ociManifest, Buffer.from('{}'));
      const source = await client.resolve({ registry: registry.host, repository: 'app', tag: '1' });
      return buffer(await source.read(blob));
    }
    const ranges = (): readonly (string | undefined)[] =>
      registry.requests.filter(({ phase }) => phase === 'blob-get').map(({ headers }) => headers.range);

    it('goes on where it was cut, time and again while something comes', async () => {
      const faults = [{ phase: 'blob-get', cutBodyAfter: 500_000, times: 5 }] as const;
      expect((await read({ faults })).equals(bytes)).to.equal(true);
      expect(ranges()).to.deep.equal([
        undefined,
        ...[1, 2, 3, 4, 5].map((part) => `bytes=${part * 500_000}-`),
      ]);
    });

    it('skips where a registry sends everything again', async () => {
      const faults = [{ phase: 'blob-get', cutBodyAfter: 500_000, times: 2 }] as const;
      expect(await rejectionOrBytes(read({ faults, ranges: false }))).to.equal('the bytes');
    });

    it('gives up when nothing comes any more', async () => {
      const faults: readonly RegistryFault[] = [
        { phase: 'blob-get', cutBodyAfter: 500_000 },
        { phase: 'blob-get', cutBodyAfter: 0, times: always },
      ];
      const error = await rejection(read({ faults }));
      expect(error).to.include({ code: 'REGISTRY_UNREACHABLE' });
      expect(ranges()).to.have.length(4);
      expect(events.filter(({ type }) => type === 'registry-retry')).to.have.length(2);
    });

    const wrong: readonly [name: string, range: string | undefined, code: string][] = [
      ['another beginning', `bytes 0-${blob.size - 1}/${blob.size}`, 'REGISTRY_ERROR'],
      ['another size', `bytes 500000-${blob.size - 1}/${blob.size + 1}`, 'REGISTRY_ERROR'],
      ['nonsense', 'half', 'REGISTRY_ERROR'],
      ['nothing at all', undefined, 'REGISTRY_ERROR'],
    ];
    for (const [name, range, code] of wrong) {
      it(`refuses a 206 whose Content-Range says ${name}`, async () => {
        const faults: readonly RegistryFault[] = [
          { phase: 'blob-get', cutBodyAfter: 500_000 },
          {
            phase: 'blob-get',
            status: 206,
            headers: range === undefined ? {} : { 'content-range': range },
            body: bytes.subarray(500_000),
          },
        ];
        expect(await rejection(read({ faults }))).to.include({ code });
      });
    }

    const lies: readonly [name: string, fault: RegistryFault, code: string][] = [
      ['other bytes', { phase: 'blob-get', damageBody: true }, 'DIGEST_MISMATCH'],
      ['bytes without end', { phase: 'blob-get', endless: true }, 'SIZE_MISMATCH'],
      ['too few bytes', { phase: 'blob-get', status: 200, body: bytes.subarray(9) }, 'SIZE_MISMATCH'],
    ];
    for (const [name, fault, code] of lies) {
      it(`finds ${name}`, async () => {
        expect(await rejection(read({ faults: [fault] }))).to.include({ code });
      });
    }

    async function rejectionOrBytes(reading: Promise<Buffer>): Promise<string> {
      return (await reading).equals(bytes) ? 'the bytes' : 'other bytes';
    }
  });

  describe('of a copy', () => {
    it('names the source when it gave other bytes, and the other registry refused them', async () => {
      await start({});
      const image = makeIndex(['linux/amd64'], 300_000);
      await pushImage(client.sink({ registry: registry.host, repository: 'app' }), image, '1');
      registry.faults.push({ phase: 'blob-get', damageBody: true, times: 9 });
      const target = await startTestRegistry();
      const source = await client.resolve({ registry: registry.host, repository: 'app', tag: '1' });
      const sink = client.sink({ registry: target.host, repository: 'app' });
      const error = await rejection(copyImage(source, sink, { tags: ['1'] }));
      expect(error).to.include({ code: 'DIGEST_MISMATCH' });
      expect(String(error)).to.contain(`${registry.host}/app`);
      expect(target.tagOf('app', '1')).to.equal(undefined);
      await target.close();
    });
  });

  describe('of an upload in chunks', () => {
    const size = 24 * mebibyte;
    const large = randomBytes(size);
    const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(large), size };

    /** Uploads in chunks of 8 MiB. @returns what was sent of each chunk, and where it began. */
    async function upload(faults: readonly RegistryFault[], options: TestRegistryOptions = {}) {
      await start({ maxBody: 9 * mebibyte, ...options, faults });
      let opened = 0;
      async function* slices(): AsyncGenerator<Buffer> {
        for (let at = 0; at < size; at += 99_999) yield large.subarray(at, at + 99_999);
      }
      await client.sink({ registry: registry.host, repository: 'app' }).put(layer, async () => {
        opened += 1;
        return Readable.from(slices(), { objectMode: false });
      });
      expect(registry.blob('app', layer.digest)?.equals(large)).to.equal(true);
      expect(registry.openUploads()).to.deep.equal([]);
      const starts = registry.requests
        .filter(({ phase }) => phase === 'upload-patch')
        .map(({ headers }) => Number(headers['content-range']?.split('-')[0]) / mebibyte);
      return { opened, starts };
    }

    it('goes on where the registry is', async () => {
      const { starts } = await upload([{ phase: 'upload-patch', skip: 1, status: 503 }]);
      expect(starts).to.deep.equal([0, 8, 8, 16]);
    });

    it('opens the body again only where a chunk must be repeated', async () => {
      const { opened } = await upload([]);
      // The PUT that was too large, and the chunks.
      expect(opened).to.equal(2);
      await client.close();
      await registry.close();
      const again = await upload([{ phase: 'upload-patch', skip: 1, cutAfter: mebibyte }]);
      expect(again.opened).to.equal(3);
    });

    it('takes what arrived of a chunk for sent', async () => {
      const { starts } = await upload([{ phase: 'upload-patch', skip: 1, cutAfterAnswer: true }]);
      // And sends smaller chunks over a connection that is cut.
      expect(starts).to.deep.equal([0, 8, 16, 21]);
    });

    it('begins again where the registry forgot the upload', async () => {
      const lost = { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}' };
      const { starts } = await upload([
        { phase: 'upload-patch', skip: 1, ...lost },
        { phase: 'upload-status', ...lost },
      ]);
      expect(starts.slice(0, 4)).to.deep.equal([0, 8, 0, 8]);
    });

    it('begins again after a 416 where the registry does not say how far it is', async () => {
      const { starts } = await upload([{ phase: 'upload-patch', skip: 1, status: 416 }], {
        uploadStatus: false,
      });
      expect(starts.slice(0, 3)).to.deep.equal([0, 8, 0]);
    });

    it('has as many attempts as ever after each chunk that arrived', async () => {
      const faults = [0, 1, 2].map(
        (skip) => ({ phase: 'upload-patch', skip, status: 500, times: 2 }) as const,
      );
      const { starts } = await upload(faults);
      expect(starts).to.deep.equal([0, 0, 0, 8, 8, 8, 16, 16, 16]);
    });

    it('says so when the registry forgets it time and again', async () => {
      const lost = { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}', times: always };
      const error = await rejection(
        upload([
          { phase: 'upload-patch', skip: 1, ...lost },
          { phase: 'upload-status', ...lost },
        ]),
      );
      expect(error).to.include({ code: 'REGISTRY_ERROR' });
      expect(registry.openUploads()).to.deep.equal([]);
    });
  });
});
