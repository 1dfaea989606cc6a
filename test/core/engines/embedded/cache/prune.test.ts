import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  allSandboxLeftovers,
  cacheItems,
  keepWithin,
  openLease,
  type PruneOptions,
  pruneItems,
  type SandboxOptions,
} from '@mabuild/core';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';

const block = 4096;

/** What lies in a cache, and how many hours ago it was used. */
const things: Readonly<Record<string, number>> = {
  'content/blobs/sha256/aa': 50,
  'content/blobs/sha256/bb': 5,
  'memory/run/r.json': 40,
  'memory/step-layer/s.json': 4,
  'memory/layer-entries/e.json': 30,
  'memory/pushed/p.json': 60,
  'manifests/sha256-m': 20,
  'programs/emulators/usr/bin/qemu-arm-static': 100,
};

describe('pruning a cache', () => {
  let directory = '';
  const now = Date.now();
  const hours = 3_600_000;
  const path = (name: string): string => join(directory, name);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-prune-'));
    for (const [name, ago] of Object.entries(things)) {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), 'x'.repeat(100));
      const time = (now - ago * hours) / 1000;
      await utimes(path(name), time, time);
    }
    await utimes(path('programs/emulators'), (now - 100 * hours) / 1000, (now - 100 * hours) / 1000);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const left = async (): Promise<readonly string[]> => {
    const names = await readdir(directory, { recursive: true, withFileTypes: true });
    return names
      .filter((entry) => entry.isFile() && entry.name !== 'checked')
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
      .sort();
  };

  it('lists what there is, by kind, with sizes on the disk', async () => {
    const items = await cacheItems({ directory });
    expect(items.map(({ kind, id }) => `${kind} ${id}`)).to.have.members([
      'layer content/blobs/sha256/aa',
      'layer content/blobs/sha256/bb',
      'result memory/run/r.json',
      'result memory/step-layer/s.json',
      'scan memory/layer-entries/e.json',
      'record memory/pushed/p.json',
      'download manifests/sha256-m',
      'program programs/emulators',
    ]);
    const { blocks } = await stat(path('content/blobs/sha256/aa'));
    expect(items[0]?.size).to.equal(blocks * 512);
  });

  it('finds nothing in a cache that is not there', async () => {
    expect(await cacheItems({ directory: path('nowhere') })).to.deep.equal([]);
  });

  const rows: readonly (readonly [string, PruneOptions, readonly string[]])[] = [
    ['everything', {}, []],
    [
      'what was used last before a time',
      { before: now - 24 * hours },
      ['content/blobs/sha256/bb', 'manifests/sha256-m', 'memory/step-layer/s.json'],
    ],
    [
      'some kinds',
      { kinds: ['layer', 'result', 'scan', 'download'] },
      ['memory/pushed/p.json', 'programs/emulators/usr/bin/qemu-arm-static'],
    ],
    [
      'the least recently used, until the rest is small enough',
      { keep: 3 * block, kinds: ['layer', 'result', 'scan', 'download', 'program', 'record'] },
      ['content/blobs/sha256/bb', 'manifests/sha256-m', 'memory/step-layer/s.json'],
    ],
    ['nothing when it is small enough', { keep: 1e9 }, Object.keys(things).sort()],
  ];
  for (const [name, options, expected] of rows) {
    it(`deletes ${name}`, async () => {
      const { removed, left: size, inUse, problems } = await pruneItems({ directory }, options);
      expect(await left()).to.deep.equal(expected);
      const items = await cacheItems({ directory });
      expect(size).to.equal(items.reduce((sum, item) => sum + item.size, 0));
      expect(removed).to.have.length(8 - items.length);
      expect([inUse, problems]).to.deep.equal([0, []]);
    });
  }

  const links: readonly (readonly [string, string, string])[] = [
    ['memory', '', 'etc/shadow'],
    ['memory/evil', 'etc', 'etc/shadow'],
    ['content', '', 'blobs/sha256/aa'],
    ['content/blobs/evil', 'etc', 'etc/shadow'],
    ['manifests', 'etc', 'etc/shadow'],
    ['programs', '', 'etc/shadow'],
    ['sandbox', '', 'chroot-copy/layers/mine/file'],
    ['sandbox/chroot-copy', 'chroot-copy', 'chroot-copy/layers/mine/file'],
    ['sandbox/chroot-copy/layers', 'etc', 'etc/mine/file'],
    ['leases', 'etc', 'etc/shadow'],
    ['sandbox/chroot-copy/work', 'etc', 'etc/build-1.2.3/file'],
    ['sandbox/chroot-copy/caches', 'etc', 'etc/.gone-0/file'],
  ];
  for (const [link, target, victim] of links)
    it(`deletes nothing that lies behind a link: ${link}`, async () => {
      const outside = await mkdtemp(join(tmpdir(), 'mabuild-outside-'));
      try {
        const file = join(outside, victim);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, 'mine');
        for (const old of [file, dirname(file)]) await utimes(old, 1, 1);
        await rm(path(link), { recursive: true, force: true });
        await mkdir(dirname(path(link)), { recursive: true });
        await symlink(join(outside, target), path(link));
        await (await openLease(directory)).release();
        await pruneItems({ directory, sandbox: sandboxIn(path('sandbox')) });
        expect(allSandboxLeftovers(path('sandbox'))).to.deep.equal([]);
        expect(await readFile(file, 'utf8')).to.equal('mine');
      } finally {
        await rm(outside, { recursive: true });
      }
    });

  it('leaves what a build uses, and programs while one runs', async () => {
    const lease = await openLease(directory);
    await lease.claim(path('content/blobs/sha256/aa'));
    const { inUse } = await pruneItems({ directory });
    expect(inUse).to.equal(2);
    await lease.release();
    expect(await left()).to.deep.equal([
      'content/blobs/sha256/aa',
      'programs/emulators/usr/bin/qemu-arm-static',
    ]);
    await pruneItems({ directory });
    expect(await left()).to.deep.equal([]);
  });

  it('keeps a cache below its limit, now and then', async () => {
    // The first look is at a cache that is new.
    expect(await keepWithin({ directory }, block)).to.equal(undefined);
    expect(await keepWithin({ directory }, block)).to.equal(undefined);
    expect(await left()).to.have.length(8);
    const old = (now - hours) / 1000;
    await utimes(path('checked'), old, old);
    const pruned = await keepWithin({ directory }, 4 * block);
    expect(pruned?.removed.length).to.be.greaterThan(0);
    expect(pruned?.left).to.be.at.most(4 * block);
    expect(await left()).to.include('memory/step-layer/s.json');
    await utimes(path('checked'), old, old);
    expect(await keepWithin({ directory }, 4 * block)).to.equal(undefined);
  });
});

/** No sandbox of it starts. */
function sandboxIn(directory: string): SandboxOptions {
  return {
    ...{ helper: ['/nonexistent'], directory, platform: parsePlatform('linux/amd64') },
    ...{ uid: 1, gid: 1, userName: 'nobody', emulators: [], proot: [], only: [] },
  };
}
