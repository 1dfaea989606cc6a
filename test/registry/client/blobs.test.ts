import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { copyImage, type Descriptor, digestOf, type OpenBody } from '@mabuild/oci';
import { expect } from 'chai';
import { singleImage } from '../../support/client-images.ts';
import { type ClientCase, clientSuite } from '../../support/client-suite.ts';
import { makeIndex } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';

interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly open: OpenBody;
}

function blobOf(bytes: Buffer): Blob {
  return {
    descriptor: { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length },
    bytes,
    open: async () => Readable.from(slices(bytes), { objectMode: false }),
  };
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

const wrong: readonly (readonly [string, (blob: Blob) => OpenBody, RegExp])[] = [
  [
    'other bytes than promised',
    ({ bytes }) => blobOf(randomBytes(bytes.length)).open,
    /DIGEST_INVALID|DIGEST_MISMATCH/,
  ],
  ['less than promised', ({ bytes }) => blobOf(bytes.subarray(1)).open, /SIZE_MISMATCH/],
  ['more than promised', ({ bytes }) => blobOf(Buffer.concat([bytes, bytes])).open, /SIZE_MISMATCH/],
];

const cases: readonly ClientCase[] = [
  ...[0, 1, 65_536, 1_000_000, 4_194_304, 4_194_305, 5_242_880, 5_242_881].map(
    (size): ClientCase => ({
      name: `writes and reads a blob of ${size} bytes`,
      async run({ client, another, repository }) {
        const to = repository();
        const blob = blobOf(randomBytes(size));
        await client.sink(to).put(blob.descriptor, blob.open);
        const found = await another().blob({ ...to, digest: blob.descriptor.digest });
        expect(found.root.size).to.equal(size);
        expect((await buffer(await found.read(found.root))).equals(blob.bytes)).to.equal(true);
      },
    }),
  ),
  {
    name: 'tells how far an upload is',
    async run({ client, repository }) {
      const blob = blobOf(randomBytes(300_000));
      const sink = client.sink(repository());
      // How the registry takes uploads is found out by the first.
      const first = blobOf(randomBytes(10));
      await sink.put(first.descriptor, first.open);
      const told: number[] = [];
      await sink.put(blob.descriptor, blob.open, { onBytes: (bytes) => told.push(bytes) });
      expect(told.at(-1)).to.equal(300_000);
      expect(told).to.deep.equal([...told].sort((one, other) => one - other));
    },
  },
  {
    name: 'knows what is there',
    async run({ client, another, repository }) {
      const to = repository();
      const image = makeIndex(['linux/arm64']);
      const before = client.sink(to);
      for (const { descriptor } of image.contents) expect(await before.has(descriptor)).to.equal(false);
      await copyImage(image.source, client.sink(to), { tags: ['1'] });
      const after = another().sink(to);
      for (const { descriptor } of image.contents) expect(await after.has(descriptor)).to.equal(true);
    },
  },
  {
    name: 'sends a blob once that is wanted twice at a time',
    async run({ client, repository }) {
      const blob = blobOf(randomBytes(200_000));
      let opened = 0;
      const open: OpenBody = () => {
        opened += 1;
        return blob.open();
      };
      const sink = client.sink(repository());
      const first = blobOf(randomBytes(10));
      await sink.put(first.descriptor, first.open);
      await Promise.all([sink.put(blob.descriptor, open), sink.put(blob.descriptor, open)]);
      expect(opened).to.equal(1);
    },
  },
  {
    name: 'writes 20 blobs at a time',
    async run({ client, another, repository }) {
      const to = repository();
      const blobs = Array.from({ length: 20 }, (_, at) => blobOf(randomBytes(10_000 + at)));
      const sink = client.sink(to);
      await Promise.all(blobs.map((blob) => sink.put(blob.descriptor, blob.open)));
      const there = another().sink(to);
      for (const { descriptor } of blobs) expect(await there.has(descriptor)).to.equal(true);
    },
  },
  {
    name: 'reads 20 blobs at a time',
    async run({ client, another, repository }) {
      const to = repository();
      const image = makeIndex(
        Array.from({ length: 10 }, (_, at) => `linux/a${at}`),
        20_000,
      );
      await copyImage(image.source, client.sink(to), { tags: ['1'] });
      const source = await another().resolve({ ...to, tag: '1' });
      const read = await Promise.all(
        image.contents.map(async ({ descriptor }) => buffer(await source.read(descriptor))),
      );
      for (const [at, { bytes }] of image.contents.entries()) expect(read[at]?.equals(bytes)).to.equal(true);
    },
  },
  {
    name: 'names a blob that is not there',
    async run({ client, another, repository }) {
      const to = repository();
      await copyImage(singleImage().source, client.sink(to), { tags: [to.tag] });
      const { descriptor } = blobOf(randomBytes(100));
      for (const reading of [
        async () => (await client.resolve(to)).read(descriptor),
        () => another().blob({ ...to, digest: descriptor.digest }),
      ]) {
        const error = await rejection(reading());
        expect(error).to.have.property('code', 'BLOB_NOT_FOUND');
        expect(error.message).to.contain(descriptor.digest);
      }
    },
  },
  {
    name: 'does not read a blob whose size is told wrongly',
    async run({ client, repository }) {
      const to = repository();
      const image = singleImage();
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      const source = await client.resolve(to);
      const { descriptor } = image.contents[0]!;
      const read = async () => buffer(await source.read({ ...descriptor, size: descriptor.size + 1 }));
      expect(await rejection(read())).to.have.property('code', 'SIZE_MISMATCH');
    },
  },
  {
    name: 'can be used after a download that nobody read to its end',
    async run({ client, repository }) {
      const to = repository();
      const image = singleImage(3_000_000);
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      const source = await client.resolve(to);
      const { descriptor, bytes } = image.contents[0]!;
      for (let time = 0; time < 3; time += 1) {
        const body = await source.read(descriptor);
        for await (const chunk of body) {
          expect((chunk as Buffer).length).to.be.greaterThan(0);
          break;
        }
      }
      expect((await buffer(await source.read(descriptor))).equals(bytes)).to.equal(true);
    },
  },
  {
    name: 'ends a download with the reason of its signal',
    async run({ client, repository }) {
      const to = repository();
      const image = singleImage(3_000_000);
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      const source = await client.resolve(to);
      const controller = new AbortController();
      const reason = new Error('enough');
      const read = async () => {
        const body = await source.read(image.contents[0]!.descriptor, { signal: controller.signal });
        for await (const _ of body) controller.abort(reason);
      };
      expect(await rejection(read())).to.equal(reason);
    },
  },
  {
    name: 'ends an upload with the reason of its signal, and the blob is not there',
    async run({ client, another, repository }) {
      const to = repository();
      const blob = blobOf(randomBytes(2_000_000));
      const controller = new AbortController();
      const reason = new Error('enough');
      const put = client.sink(to).put(blob.descriptor, blob.open, {
        signal: controller.signal,
        onBytes: (bytes) => bytes > 500_000 && controller.abort(reason),
      });
      expect(await rejection(put)).to.equal(reason);
      expect(await another().sink(to).has(blob.descriptor)).to.equal(false);
    },
  },
  {
    name: 'asks nothing of a signal that is aborted already',
    async run({ client, repository }) {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      const blob = blobOf(Buffer.from('x'));
      const to = repository();
      const sink = client.sink(to);
      const asks: readonly (() => Promise<unknown> | undefined)[] = [
        () => client.resolve(to, { signal }),
        () => sink.has(blob.descriptor, { signal }),
        () => sink.put(blob.descriptor, blob.open, { signal }),
        () => sink.tag('x', blob.descriptor, { signal }),
        () => client.signIn(to.registry, { signal }),
      ];
      for (const ask of asks) {
        expect(await rejection((async () => ask())())).to.equal(reason);
      }
    },
  },
  ...wrong.map(
    ([name, other, code]): ClientCase => ({
      name: `refuses a body of ${name}`,
      async run({ client, another, repository }) {
        const to = repository();
        const blob = blobOf(randomBytes(100_000));
        const error = await rejection(client.sink(to).put(blob.descriptor, other(blob)));
        const { code: ours, registryCode } = error as { code?: string; registryCode?: string };
        expect(`${ours} ${registryCode}`).to.match(code);
        expect(await another().sink(to).has(blob.descriptor)).to.equal(false);
        await client.sink(to).put(blob.descriptor, blob.open);
        expect(await another().sink(to).has(blob.descriptor)).to.equal(true);
      },
    }),
  ),
  {
    name: 'passes on what a body fails with',
    async run({ client, another, repository }) {
      const to = repository();
      const blob = blobOf(randomBytes(200_000));
      const reason = new Error('the disk is gone');
      const open: OpenBody = async () =>
        Readable.from(
          (function* () {
            yield blob.bytes.subarray(0, 70_000);
            throw reason;
          })(),
          { objectMode: false },
        );
      expect(await rejection(client.sink(to).put(blob.descriptor, open))).to.equal(reason);
      const opening = async () => {
        throw reason;
      };
      expect(await rejection(client.sink(to).put(blob.descriptor, opening))).to.equal(reason);
      expect(await another().sink(to).has(blob.descriptor)).to.equal(false);
    },
  },
  {
    name: 'refuses a manifest whose blobs are not there',
    needs: ['refuse what lacks blobs'],
    async run({ client, repository }) {
      const { contents, root } = singleImage();
      const { bytes } = contents.at(-1)!;
      const put = client
        .sink(repository())
        .put(root, async () => Readable.from([bytes], { objectMode: false }));
      const error = await rejection(put);
      expect(error).to.have.property('code', 'REGISTRY_ERROR');
      expect(error.message).to.match(/BLOB_UNKNOWN|MANIFEST_INVALID|MANIFEST_BLOB_UNKNOWN/);
    },
  },
  {
    name: 'can be closed twice',
    async run({ another, repository }) {
      const client = another();
      await rejection(client.resolve(repository()));
      await client.close();
      await client.close();
    },
  },
];

clientSuite('blobs', cases);
