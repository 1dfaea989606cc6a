import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { digestOf, type LayerFacts, MabuildError, scanLayer, verifyingStream } from '@mabuild/oci';
import { expect } from 'chai';
import { armFlags, machines, makeElf } from '../../support/elf.ts';
import { makeTar } from '../../support/tar.ts';

const elf = makeElf({ machine: machines.arm64, interpreter: '/lib/ld.so', needed: ['libc.so.6'] });
const entries = [
  { path: './', folder: true },
  { path: './usr/bin/', folder: true },
  { path: './usr/bin/app', mode: 0o4755, content: elf },
  { path: '/usr/bin/other-name', hardlink: './usr/bin/app' },
  { path: 'usr/bin/link', symlink: '../lib/x' },
  { path: 'usr/bin/script', mode: 0o755, content: '#! /usr/bin/env  python3 -u \nprint()\n' },
  { path: 'etc/passwd', content: 'root' },
  { path: 'etc/ld.so.conf.d/a.conf', content: '/opt/lib\n' },
  { path: 'etc/.wh.shadow' },
  { path: 'var/.wh..wh..opq' },
  { path: 'var/.wh..wh.plnk/1.2' },
  { path: 'a/../../../etc/../etc/hosts', content: '' },
  { path: `deep/${'folder/'.repeat(30)}file`, content: 'x' },
] as const;

/** In pieces of a size that divides nothing evenly. */
function streamOf(bytes: Buffer, piece = 777): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
  return Readable.from(pieces, { objectMode: false });
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it should have been refused'),
    (error: unknown) => error,
  );
}

describe('scan-layer', () => {
  const expected: Partial<LayerFacts> = {
    version: 1,
    whiteouts: ['etc/shadow'],
    opaque: ['var'],
    directories: ['usr/bin'],
    scripts: [{ path: 'usr/bin/script', mode: 0o755, interpreter: '/usr/bin/env', argument: 'python3 -u' }],
    links: [
      { path: 'usr/bin/other-name', target: 'usr/bin/app', hard: true },
      { path: 'usr/bin/link', target: '../lib/x' },
    ],
    loaderPaths: { 'etc/ld.so.conf.d/a.conf': '/opt/lib\n' },
  };
  for (const [title, bytes] of [
    ['a plain tar', makeTar(entries)],
    ['a gzip', zlib.gzipSync(makeTar(entries))],
    [
      'two gzips in a row',
      Buffer.concat([
        zlib.gzipSync(makeTar(entries).subarray(0, 700)),
        zlib.gzipSync(makeTar(entries).subarray(700)),
      ]),
    ],
  ] as const) {
    for (const piece of [1, 3, 777, 1024 * 1024]) {
      it(`reads ${title} in pieces of ${piece}`, async () => {
        const facts = await scanLayer(streamOf(bytes, piece));
        expect(facts).to.deep.include(expected);
        expect(facts.elf).to.have.length(1);
        expect(facts.elf[0]).to.deep.include({ path: 'usr/bin/app', mode: 0o4755, needed: ['libc.so.6'] });
        expect(facts.others).to.deep.include({ etc: ['passwd', 'hosts'], 'etc/ld.so.conf.d': ['a.conf'] });
        expect(JSON.parse(JSON.stringify(facts))).to.deep.equal(facts);
      });
    }
  }

  it('reads an empty layer', async () => {
    expect((await scanLayer(streamOf(makeTar([])))).unreadable).to.equal(undefined);
  });

  it('keeps little of a great file and still finds what its end says', async function () {
    this.timeout(60_000);
    const great = makeElf({
      machine: machines.arm,
      flags: armFlags.hard,
      interpreter: '/lib/ld-linux-armhf.so.3',
      needed: ['libc.so.6'],
      attributes: { cpuArch: 10 },
      padding: 24 * 1024 * 1024,
    });
    const facts = await scanLayer(streamOf(makeTar([{ path: 'app', content: great }]), 65_536));
    expect(facts.elf[0]).to.deep.include({ cpuArch: 10, floatAbi: 'hard', bits: 32 });
  });

  const tar = makeTar(entries);
  const unreadable: readonly (readonly [string, Buffer, RegExp])[] = [
    ['text', Buffer.alloc(2000, 'not a tar '), /tar/i],
    ['a tar cut off in a header', tar.subarray(0, 1000), /tar|end/i],
    ['a tar cut off in a file', tar.subarray(0, 1600), /tar|end/i],
    ['a gzip cut off', zlib.gzipSync(tar).subarray(0, 200), /end of file|tar/i],
    ['a gzip with a wrong byte', broken(zlib.gzipSync(tar)), /.+/],
    ['another compression', Buffer.from('fd377a585a000004', 'hex'), /.+/],
  ];
  for (const [title, bytes, reason] of unreadable) {
    it(`says why ${title} is unreadable`, async () => {
      const facts = await scanLayer(streamOf(bytes));
      expect(facts.unreadable).to.match(reason);
      expect(facts.elf).to.deep.equal([]);
    });
  }

  it('reads zstd', async () => {
    // One raw block with the whole tar, and no checksum.
    const header = Buffer.from('28b52ffd80580000000000', 'hex');
    header.writeUInt32LE(tar.length, 6);
    const block = Buffer.alloc(3);
    block.writeUIntLE((tar.length << 3) | 1, 0, 3);
    expect(tar.length).to.be.lessThan(128 * 1024);
    const facts = await scanLayer(streamOf(Buffer.concat([header.subarray(0, 10), block, tar])));
    expect(facts).to.deep.equal(await scanLayer(streamOf(tar)));
  });

  it('rejects with the error of the stream and not with what follows from it', async () => {
    const bytes = zlib.gzipSync(tar);
    const digest = digestOf(bytes);
    for (const wrong of [
      bytes.subarray(0, 100),
      Buffer.concat([bytes, Buffer.from('more')]),
      broken(bytes),
    ]) {
      const verified = streamOf(wrong).pipe(verifyingStream({ digest, size: bytes.length }));
      expect(await rejection(scanLayer(verified)))
        .to.have.property('code')
        .that.matches(/MISMATCH$/);
    }
    const failing = new Readable({
      read() {
        this.push(tar.subarray(0, 600));
        this.destroy(new MabuildError('the line was cut', { code: 'REGISTRY_UNREACHABLE' }));
      },
    });
    expect(await rejection(scanLayer(failing))).to.have.property('code', 'REGISTRY_UNREACHABLE');
  });

  it('stops when it is told to, with the very reason', async () => {
    const reason = new Error('enough');
    const already = AbortSignal.abort(reason);
    expect(await rejection(scanLayer(streamOf(tar), { signal: already }))).to.equal(reason);

    const controller = new AbortController();
    const silent = new Readable({ read: () => undefined });
    silent.push(tar.subarray(0, 5000));
    const scan = rejection(scanLayer(silent, { signal: controller.signal }));
    setImmediate(() => controller.abort(reason));
    expect(await scan).to.equal(reason);
    expect(silent.destroyed).to.equal(true);
  });
});

function broken(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >>> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 0xff;
  return copy;
}
