import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { BlobStore, digestOf, formatPlatform, platformsOfPrograms, readRootfs } from '@mabuild/oci';
import { expect } from 'chai';
import { armFlags, type ElfRecipe, machines, makeElf } from '../../support/elf.ts';
import { rejection } from '../../support/rejection.ts';
import { makeTar, type TarInput } from '../../support/tar.ts';

const shell: TarInput = {
  path: 'bin/sh',
  mode: 0o755,
  content: makeElf({ machine: machines.arm64, type: 2 }),
};
const tree: readonly TarInput[] = [
  { path: 'bin', folder: true },
  shell,
  { path: 'etc/big', content: randomBytes(300_000) },
];

describe('readRootfs', () => {
  let directory: string;
  let store: BlobStore;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-rootfs-'));
    store = new BlobStore(directory);
  });
  afterEach(() => rm(directory, { recursive: true }));

  const tar = makeTar(tree);
  const packed = gzipSync(tar);

  it('compresses a plain tar, and gives it back whole', async () => {
    const layer = await readRootfs(opener(tar), store);
    const bytes = await buffer(await layer.open());
    expect(gunzipSync(bytes).equals(tar)).to.equal(true);
    expect(layer.diffId).to.equal(digestOf(tar));
    expect(layer.descriptor).to.deep.equal({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: digestOf(bytes),
      size: bytes.length,
    });
    expect(layer.facts.elf.map(({ path }) => path)).to.deep.equal(['bin/sh']);
  });

  it('takes gzip as it is, and writes nothing', async () => {
    for (const bytes of [
      packed,
      Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]),
    ]) {
      const layer = await readRootfs(opener(bytes), store);
      expect(layer.descriptor).to.include({ digest: digestOf(bytes), size: bytes.length });
      expect(layer.diffId).to.equal(digestOf(tar));
      expect((await buffer(await layer.open())).equals(bytes)).to.equal(true);
      expect(layer.facts.elf).to.have.length(1);
      expect(await readdir(directory)).to.deep.equal([]);
    }
  });

  it('compresses padded gzip anew: other readers of layers refuse it', async () => {
    for (const padding of [512, 200_000]) {
      const layer = await readRootfs(opener(Buffer.concat([packed, Buffer.alloc(padding)])), store);
      const bytes = await buffer(await layer.open());
      expect(layer.descriptor.digest).to.equal(digestOf(bytes));
      expect(gunzipSync(bytes).equals(tar)).to.equal(true);
      expect(layer.diffId).to.equal(digestOf(tar));
    }
  });

  it('says so when the file has changed since', async () => {
    let bytes = packed;
    const layer = await readRootfs(async () => Readable.from([bytes], { objectMode: false }), store);
    bytes = gzipSync(makeTar([shell, shell]));
    expect(await rejection(layer.open().then(buffer)))
      .to.have.property('code')
      .that.matches(/MISMATCH$/);
  });

  it('stops when told to', async () => {
    const controller = new AbortController();
    const slow = async function* (): AsyncGenerator<Buffer> {
      yield tar.subarray(0, 2048);
      controller.abort(new Error('enough'));
      yield tar.subarray(2048);
    };
    const reading = readRootfs(async () => Readable.from(slow(), { objectMode: false }), store, controller);
    expect((await rejection(reading)).message).to.equal('enough');
    expect(await filesIn(directory)).to.deep.equal([]);
  });

  const accepted: readonly (readonly [string, readonly TarInput[]])[] = [
    ['absolute names', [{ path: '/etc/passwd', content: 'root' }]],
    [
      'links that lead anywhere',
      [
        { path: 'etc/mtab', symlink: '/proc/mounts' },
        { path: 'a', symlink: '../../b' },
      ],
    ],
    [
      'hard links',
      [shell, { path: 'bin/ash', hardlink: 'bin/sh' }, { path: 'bin/bash', hardlink: './bin/sh' }],
    ],
    ['.. inside', [{ path: 'a/../b', content: 'b' }]],
    ['devices in /dev', [{ path: 'dev/null', type: '3' }, { path: './dev/sda', type: '4' }, shell]],
    ['fifos', [{ path: 'run/initctl', type: '6' }]],
    ['scripts only', [{ path: 'bin/run', mode: 0o755, content: '#!/bin/sh' }]],
    ['long names', [{ path: `${'long/'.repeat(60)}name`, content: 'x' }]],
  ];
  for (const [title, entries] of accepted) {
    it(`accepts ${title}`, async () => {
      const bytes = makeTar(entries);
      const layer = await readRootfs(opener(bytes), store);
      expect(gunzipSync(await buffer(await layer.open())).equals(bytes)).to.equal(true);
    });
  }

  const bad: readonly (readonly [string, Buffer, string])[] = [
    ['nothing', Buffer.alloc(0), 'ROOTFS_INVALID'],
    ['an empty tar', makeTar([]), 'ROOTFS_INVALID'],
    ['folders only', makeTar([{ path: 'bin', folder: true }]), 'ROOTFS_INVALID'],
    ['text', Buffer.from('no tar at all\n'.repeat(200)), 'INVALID_TAR'],
    ['a zip', Buffer.concat([Buffer.from('504b0304', 'hex'), randomBytes(2000)]), 'INVALID_TAR'],
    ['noise', randomBytes(5000), 'INVALID_TAR'],
    ['a picture in gzip', gzipSync(randomBytes(5000)), 'INVALID_TAR'],
    ['a tar cut off in a header', tar.subarray(0, 700), 'INVALID_TAR'],
    ['a tar cut off in a file', tar.subarray(0, 200_000), 'INVALID_TAR'],
    ['a header with a wrong checksum', broken(tar, 150), 'INVALID_TAR'],
    ['a size that is no number', broken(tar, 126), 'INVALID_TAR'],
    ['gzip cut off', packed.subarray(0, -1), 'INVALID_COMPRESSION'],
    ['gzip with a wrong checksum', broken(packed, packed.length - 6), 'INVALID_COMPRESSION'],
    ['gzip with a wrong length', broken(packed, packed.length - 2), 'INVALID_COMPRESSION'],
    ['gzip with a wrong byte', broken(packed, packed.length >> 1), 'INVALID_COMPRESSION'],
    ['gzip with something behind it', Buffer.concat([packed, Buffer.from('behind')]), 'INVALID_COMPRESSION'],
    ['gzip in gzip', gzipSync(packed), 'INVALID_TAR'],
    ['bzip2 cut off', Buffer.from('425a68393141592653590000', 'hex'), 'INVALID_COMPRESSION'],
    ['a path that leads out', makeTar([{ path: '../etc/passwd', content: 'x' }]), 'UNSAFE_PATH'],
    ['a path that leads out later', makeTar([shell, { path: 'a/../../b', content: 'x' }]), 'UNSAFE_PATH'],
    ['an absolute path that leads out', makeTar([{ path: '/../b', content: 'x' }]), 'UNSAFE_PATH'],
    ['a hard link that leads out', makeTar([{ path: 'a', hardlink: '../../etc/shadow' }]), 'UNSAFE_PATH'],
    ['a disk outside of /dev', makeTar([{ path: 'tmp/sda', type: '4' }]), 'ROOTFS_INVALID'],
    ['memory outside of /dev', makeTar([{ path: 'home/dev/mem', type: '3' }]), 'ROOTFS_INVALID'],
    ['a whiteout', makeTar([shell, { path: 'etc/.wh.passwd' }]), 'ROOTFS_INVALID'],
    ['an opaque folder', makeTar([shell, { path: 'etc/.wh..wh..opq' }]), 'ROOTFS_INVALID'],
    ['what docker save wrote', makeTar([{ path: 'manifest.json', content: '[]' }]), 'ROOTFS_INVALID'],
    ['an OCI archive', makeTar([{ path: './oci-layout', content: '{}' }]), 'ROOTFS_INVALID'],
    ['a path that comes twice', makeTar([shell, { path: './bin//sh', content: 'other' }]), 'ROOTFS_INVALID'],
    [
      'a folder that comes twice',
      makeTar([{ path: 'bin/', folder: true }, shell, { path: './bin', folder: true }]),
      'ROOTFS_INVALID',
    ],
    ['a sparse file', makeTar([{ path: 'var/lib/db', type: 'S' }]), 'ROOTFS_INVALID'],
    ['one volume of many', makeTar([{ path: 'rest', type: 'M' }]), 'ROOTFS_INVALID'],
    ['a bomb of headers', bomb('x', 40), 'INVALID_TAR'],
    ['a bomb of names', bomb('L', 40), 'INVALID_TAR'],
    ['a bomb in gzip', gzipSync(bomb('x', 40)), 'INVALID_TAR'],
    ['an extended header without a member', bomb('x', 1), 'INVALID_TAR'],
  ];
  for (const [title, bytes, code] of bad) {
    it(`refuses ${title}`, async () => {
      expect(await rejection(readRootfs(opener(bytes), store))).to.have.property('code', code);
      expect(await filesIn(directory)).to.deep.equal([]);
    });
  }
});

describe('platformsOfPrograms', () => {
  const arm = (flags: number, cpuArch?: number): ElfRecipe => ({
    machine: machines.arm,
    flags,
    type: 2,
    ...(cpuArch === undefined ? {} : { attributes: { cpuArch } }),
  });
  const program = (path: string, recipe: ElfRecipe, mode = 0o755): TarInput => ({
    path,
    mode,
    content: makeElf(recipe),
  });
  const x64: ElfRecipe = { machine: machines.x64, type: 2 };

  const rows: readonly (readonly [string, readonly TarInput[], readonly string[]])[] = [
    ['x86-64', [program('bin/sh', x64)], ['linux/amd64']],
    ['x86', [program('bin/sh', { machine: machines.x86, type: 2 })], ['linux/386']],
    ['arm64', [program('usr/bin/env', { machine: machines.arm64, type: 3 })], ['linux/arm64']],
    ['armhf', [program('bin/sh', arm(armFlags.hard, 10))], ['linux/arm/v7']],
    ["Alpine's armhf", [program('bin/sh', arm(armFlags.hard, 6))], ['linux/arm/v6']],
    ['armel', [program('bin/sh', arm(armFlags.soft, 4))], ['linux/arm/v5']],
    ['32-bit code for v8', [program('bin/sh', arm(armFlags.hard, 14))], ['linux/arm/v8']],
    ['32-bit ARM that does not tell', [program('bin/app', arm(armFlags.go))], ['linux/arm']],
    [
      'one v7 program is enough',
      [program('bin/a', arm(armFlags.hard, 6)), program('bin/b', arm(armFlags.hard, 10))],
      ['linux/arm/v7'],
    ],
    [
      'hard and soft float',
      [program('bin/a', arm(armFlags.hard, 6)), program('bin/b', arm(armFlags.soft, 4))],
      ['linux/arm'],
    ],
    ['s390x', [program('bin/sh', { machine: machines.s390x, endianness: 'big', type: 2 })], ['linux/s390x']],
    ['ppc64le', [program('bin/sh', { machine: machines.ppc64, type: 2 })], ['linux/ppc64le']],
    ['FreeBSD', [program('bin/sh', { ...x64, osAbi: 9 })], ['freebsd/amd64']],
    [
      'two, the most frequent first',
      [program('bin/a', { machine: machines.x86, type: 2 }), program('bin/b', x64), program('bin/c', x64)],
      ['linux/amd64', 'linux/386'],
    ],
    ['a program off PATH where it is the only one', [program('app/server', x64)], ['linux/amd64']],
    [
      'programs of other machines off PATH are data',
      [program('bin/sh', x64), program('opt/arm', arm(armFlags.hard, 10))],
      ['linux/amd64'],
    ],
    [
      'an emulator',
      [program('bin/sh', arm(armFlags.hard, 10)), program('usr/bin/qemu-arm-static', x64)],
      ['linux/arm/v7'],
    ],
    ['through links', [{ path: 'bin', symlink: 'usr/bin' }, program('usr/bin/sh', x64)], ['linux/amd64']],
    ['an object file', [program('bin/a.o', { machine: machines.arm64, type: 1 })], []],
    ['scripts', [{ path: 'bin/sh', mode: 0o755, content: '#!/bin/busybox' }], []],
  ];
  for (const [title, entries, platforms] of rows) {
    it(title, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'mabuild-rootfs-'));
      try {
        const { facts } = await readRootfs(opener(gzipSync(makeTar(entries))), new BlobStore(directory));
        expect(platformsOfPrograms(facts).map(({ platform }) => formatPlatform(platform))).to.deep.equal(
          platforms,
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }

  it('looks at what the config starts, wherever it is', async () => {
    const { facts } = await readRootfs(
      opener(
        gzipSync(
          makeTar([program('bin/sh', x64), program('app/server', { machine: machines.arm64, type: 2 })]),
        ),
      ),
      new BlobStore('/nowhere'),
    );
    const found = platformsOfPrograms(facts, { Entrypoint: ['/app/server'] });
    expect(found.map(({ path }) => path)).to.have.members(['bin/sh', 'app/server']);
  });
});

function opener(bytes: Buffer): () => Promise<Readable> {
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  };
  return async () => Readable.from(pieces(), { objectMode: false });
}

function broken(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x55;
  return copy;
}

/** Extended headers, one after the other, and no member. */
function bomb(type: string, count: number): Buffer {
  const one = makeTar([{ path: 'bomb', type, content: Buffer.alloc(250_000, '1') }]).subarray(0, -1024);
  return Buffer.concat([...Array<Buffer>(count).fill(one), Buffer.alloc(1024)]);
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
