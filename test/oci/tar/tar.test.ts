import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { decompressed, type PackEntry, packTar, readTarEntries, safeEntryPath } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';
import { makeTar } from '../../support/tar.ts';

const owner = { mode: 0o640, uid: 7, gid: 8, mtime: 1_700_000_000 } as const;

const written: readonly PackEntry[] = [
  { ...owner, name: 'etc/', type: 'directory', mode: 0o755 },
  { ...owner, name: 'etc/a', type: 'file', size: 5, open: () => from('hello') },
  { ...owner, name: 'etc/empty', type: 'file' },
  { ...owner, name: `etc/${'long/'.repeat(60)}name`, type: 'file', size: 1, open: () => from('x') },
  { ...owner, name: 'etc/b', type: 'symlink', linkname: 'a' },
  { ...owner, name: 'etc/c', type: 'link', linkname: 'etc/a' },
];

describe('oci tar', () => {
  it('reads what it writes, and writes equal bytes for equal entries', async () => {
    const bytes = await buffer(packTar(written));
    expect(bytes.equals(await buffer(packTar(written)))).to.equal(true);
    const entries: object[] = [];
    for await (const { body, pax: _, ...entry } of readTarEntries(Readable.from([bytes]))) {
      entries.push({ ...entry, content: (await buffer(body)).toString() });
    }
    expect(entries).to.deep.equal(
      written.map(({ open: _, size = 0, name, ...entry }) => ({
        ...entry,
        name,
        size,
        content: name === 'etc/a' ? 'hello' : size === 1 ? 'x' : '',
      })),
    );
  });

  it('skips bodies that nobody reads', async () => {
    const tar = makeTar([{ path: 'a', content: Buffer.alloc(200_000) }, { path: 'b' }]);
    const names: string[] = [];
    for await (const { name } of readTarEntries(Readable.from([tar]))) names.push(name);
    expect(names).to.deep.equal(['a', 'b']);
  });

  for (const [what, content] of [
    ['short', 'hell'],
    ['long', 'hello!'],
  ] as const) {
    it(`does not write a file that turns out too ${what}`, async () => {
      const pack = packTar([{ ...owner, name: 'a', type: 'file', size: 5, open: () => from(content) }]);
      expect((await rejection(buffer(pack))).code).to.equal('SIZE_MISMATCH');
    });
  }

  it('passes on what opening a content fails with', async () => {
    const failure = new Error('gone');
    const open = (): Promise<Readable> => Promise.reject(failure);
    expect(await rejection(buffer(packTar([{ ...owner, name: 'a', type: 'file', size: 5, open }])))).to.equal(
      failure,
    );
  });

  const tar = makeTar([{ path: 'a', content: 'x'.repeat(2000) }]);
  const badSum = Buffer.from(tar);
  badSum[10] = 0x41;
  for (const [what, bytes] of [
    ['text', Buffer.from('no tar '.repeat(200))],
    ['a cut inside a header', tar.subarray(0, 300)],
    ['a cut inside a file', tar.subarray(0, 1024)],
    ['a wrong checksum', badSum],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const error = await rejection(names(Readable.from([bytes])));
      expect(error.code).to.equal('INVALID_TAR');
    });
  }

  it('passes on the reason of an abort', async () => {
    const reason = new Error('enough');
    const error = await rejection(names(Readable.from([tar]), AbortSignal.abort(reason)));
    expect(error).to.equal(reason);
  });
});

describe('oci safeEntryPath', () => {
  for (const [name, path] of [
    ['./a/b/', 'a/b'],
    ['a//b/./c', 'a/b/c'],
    ['a/../b', 'b'],
    ['./', ''],
    ['..a/b..', '..a/b..'],
  ] as const) {
    it(`${name} is ${JSON.stringify(path)}`, () => expect(safeEntryPath(name)).to.equal(path));
  }

  for (const name of ['../a', 'a/../../b', '/etc/passwd', '..', 'a\0b']) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      expect(() => safeEntryPath(name))
        .to.throw()
        .with.property('code', 'UNSAFE_PATH');
    });
  }
});

describe('oci decompressed', () => {
  const plain = Buffer.from('some bytes '.repeat(10_000));
  for (const [what, bytes] of [
    ['gzip', gzipSync(plain)],
    [
      'several gzip members',
      Buffer.concat([gzipSync(plain.subarray(0, 100)), gzipSync(plain.subarray(100))]),
    ],
    ['plain bytes', plain],
  ] as const) {
    it(`reads ${what}, in pieces of any size`, async () => {
      for (const size of [1000, 1_000_000, ...(bytes.length < 5000 ? [1] : [])]) {
        expect((await buffer(await decompressed(Readable.from(pieces(bytes, size))))).equals(plain)).to.equal(
          true,
        );
      }
    });
  }

  for (const bytes of ['', 'abc']) {
    it(`passes ${bytes.length} bytes through`, async () => {
      expect((await buffer(await decompressed(from(bytes)))).toString()).to.equal(bytes);
    });
  }

  const gzip = gzipSync(brotliCompressSync(plain));
  const damaged = Buffer.from(gzip);
  damaged[gzip.length - 6] = (damaged[gzip.length - 6] ?? 0) ^ 0xff;
  for (const [what, bytes] of [
    ['cut off', gzip.subarray(0, gzip.length - 10)],
    ['damaged', damaged],
  ] as const) {
    it(`fails on gzip that is ${what}`, async () => {
      const error = await rejection(decompressed(Readable.from([bytes])).then(buffer));
      expect(error.code).to.equal('INVALID_COMPRESSION');
    });
  }

  it('passes on what the source fails with', async () => {
    const failure = new Error('gone');
    const failing = Readable.from(
      (async function* () {
        yield gzip.subarray(0, 20);
        throw failure;
      })(),
    );
    expect(await rejection(decompressed(failing).then(buffer))).to.equal(failure);
  });
});

function from(text: string): Readable {
  return Readable.from([Buffer.from(text)], { objectMode: false });
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function names(stream: Readable, signal?: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of readTarEntries(stream, { signal })) {
    found.push(name);
  }
  return found;
}
