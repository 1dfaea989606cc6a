import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { type Descriptor, digestOf, type GrowingBlob, type ImageSink } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import {
  profiles,
  type RegistryFault,
  type RegistryProfile,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { expect } from 'chai';
import { rejection } from '../support/rejection.ts';

const bytes = randomBytes(300_000);
const descriptor: Descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length };

/** A blob in the hands of a test. */
function growing(): { blob: GrowingBlob; write(bytes: Buffer): void; end(): void; fail(): void } {
  const body = new PassThrough();
  let end: GrowingBlob['finished'] extends Promise<infer T> ? (value: T) => void : never = () => {};
  let fail = (_error: Error): void => {};
  const finished = new Promise<Descriptor>((resolve, reject) => {
    [end, fail] = [resolve, reject];
  });
  finished.catch(() => {});
  body.on('error', () => {});
  return {
    blob: { open: async () => body, finished },
    write: (some) => void body.write(some),
    end() {
      body.end();
      end(descriptor);
    },
    fail() {
      const error = new Error('the build failed');
      body.destroy(error);
      fail(error);
    },
  };
}

describe('registry: a blob that is sent while it is made', () => {
  let registry: TestRegistry;
  let client: RegistryClient;
  let sink: ImageSink;

  async function start(options: TestRegistryOptions = {}): Promise<void> {
    registry = await startTestRegistry(options);
    client = createRegistryClient({ retry: { baseDelay: 1 } });
    sink = client.sink({ registry: registry.host, repository: 'app' });
  }
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  const phases = (): readonly string[] => registry.requests.map(({ phase }) => phase);
  /** How often the bytes were sent whole, by a PUT. */
  const sentWhole = (): number => phases().filter((phase) => phase === 'upload-put').length;
  const open = async (): Promise<Readable> => Readable.from([bytes], { objectMode: false });
  const stored = (): boolean => registry.blob('app', descriptor.digest)?.equals(bytes) === true;
  /** Waits for what a request brings about. */
  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Follows a blob, puts it, and tells what was asked. */
  async function push(): Promise<readonly string[]> {
    const { blob, write, end } = growing();
    const following = sink.follow?.(blob);
    write(bytes.subarray(0, 100_000));
    write(bytes.subarray(100_000));
    end();
    await blob.finished;
    const told: number[] = [];
    await sink.put(descriptor, open, { onBytes: (written) => told.push(written) });
    await following;
    expect(told.at(-1)).to.equal(bytes.length);
    expect(stored()).to.equal(true);
    expect(registry.openUploads()).to.deep.equal([]);
    return phases();
  }

  it('needs no more than its upload to be closed', async () => {
    await start();
    expect(await push()).to.deep.equal(['upload-begin', 'upload-patch', 'upload-put']);
    expect(registry.requests.at(-1)?.headers['content-length']).to.equal('0');
  });

  for (const profile of Object.keys(profiles) as RegistryProfile[]) {
    it(`arrives with the ways of ${profile}`, async () => {
      await start({ profile });
      await push();
    });
  }

  it('is not there before it is put', async () => {
    await start();
    const { blob, write, end } = growing();
    const following = sink.follow?.(blob);
    write(bytes);
    end();
    await following;
    expect(stored()).to.equal(false);
    await client.close();
    expect(registry.openUploads()).to.deep.equal([]);
    expect(phases()).to.deep.equal(['upload-begin', 'upload-patch', 'upload-cancel', 'upload-cancel']);
  });

  it('is no longer sent when it turns out to be there', async () => {
    await start();
    registry.addBlob('app', bytes);
    const { blob, write, end } = growing();
    registry.faults.push({ phase: 'upload-patch', stallAfter: 50_000 });
    const following = sink.follow?.(blob);
    write(bytes);
    end();
    expect(await sink.has(descriptor)).to.equal(true);
    await following;
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('leaves nothing behind when nothing comes of it', async () => {
    await start();
    const { blob, write, fail } = growing();
    const following = sink.follow?.(blob);
    write(bytes.subarray(0, 100_000));
    await until(() => phases().includes('upload-patch'));
    fail();
    await following;
    expect(registry.openUploads()).to.deep.equal([]);
    // That was not the registry's fault.
    expect((await push()).slice(-3)).to.deep.equal(['upload-begin', 'upload-patch', 'upload-put']);
  });

  it('leaves nothing behind when it is given up', async () => {
    await start();
    const { blob, write, fail } = growing();
    const stop = new AbortController();
    const following = sink.follow?.(blob, { signal: stop.signal });
    write(bytes.subarray(0, 100_000));
    await until(() => phases().includes('upload-patch'));
    stop.abort();
    await following;
    fail();
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('is waited for only until whoever puts it gives up', async () => {
    await start();
    registry.faults.push({ phase: 'upload-patch', stallAfter: 50_000 });
    const { blob, write, end } = growing();
    const following = sink.follow?.(blob);
    write(bytes);
    end();
    await blob.finished;
    const stop = new AbortController();
    const putting = sink.put(descriptor, open, { signal: stop.signal });
    await until(() => phases().includes('upload-patch'));
    stop.abort(new Error('enough'));
    expect(String(await rejection(putting))).to.equal('Error: enough');
    await following;
    expect(registry.openUploads()).to.deep.equal([]);
  });

  it('is sent once when two are the same', async () => {
    await start();
    const first = growing();
    const second = growing();
    const following = [sink.follow?.(first.blob), sink.follow?.(second.blob)];
    for (const { write, end } of [first, second]) {
      write(bytes);
      end();
    }
    await Promise.all(following);
    await sink.put(descriptor, open);
    expect(stored()).to.equal(true);
    expect(sentWhole()).to.equal(1);
    expect(registry.openUploads()).to.deep.equal([]);
  });

  const refusals: readonly (readonly [string, TestRegistryOptions, RegistryFault?])[] = [
    ['takes no upload without a digest', {}, { phase: 'upload-begin', status: 400 }],
    ['takes no PATCH', {}, { phase: 'upload-patch', status: 405 }],
    ['has a proxy that limits bodies', {}, { phase: 'upload-patch', status: 413, unread: true }],
    ['cuts the connection', {}, { phase: 'upload-patch', cutAfter: 100_000 }],
    ['lost bytes', {}, { phase: 'upload-patch', status: 202, headers: { range: '0-99' } }],
    ['has forgotten the upload', {}, { phase: 'upload-put', status: 404 }],
    ['finds another digest', {}, { phase: 'upload-put', status: 400 }],
    ['is busy in the end', {}, { phase: 'upload-put', status: 503 }],
    ['has too many requests in the end', {}, { phase: 'upload-put', status: 429 }],
  ];
  for (const [what, options, fault] of refusals) {
    it(`is put as any other where the registry ${what}`, async () => {
      await start({ ...options, faults: fault ? [fault] : [] });
      await push();
      expect(phases().at(-1)).to.equal('upload-put');
    });
  }

  it('is not tried again where it came to nothing', async () => {
    await start({ faults: [{ phase: 'upload-patch', status: 405 }] });
    await push();
    const before = registry.requests.length;
    await sink.follow?.(growing().blob);
    expect(registry.requests.length).to.equal(before);
  });
});
