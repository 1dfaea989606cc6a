import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { processName } from '@mabuild/oci';
import { expect } from 'chai';
import {
  announced,
  oldestLease,
  openLease,
} from '../../../../../packages/core/src/engines/embedded/cache/leases.ts';
import { keepWithin } from '../../../../../packages/core/src/engines/embedded/cache/prune.ts';
import { eventually } from '../../../../support/eventually.ts';

describe('leases on a cache', () => {
  let cache = '';
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'mabuild-leases-'));
  });
  afterEach(() => rm(cache, { recursive: true, force: true }));
  const leases = () => readdir(join(cache, 'leases'));

  it('tell when the oldest build began, until it ends', async () => {
    expect(await oldestLease(cache)).to.equal(undefined);
    const first = await openLease(cache);
    const began = await oldestLease(cache);
    const second = await openLease(cache);
    expect(began).to.be.a('number');
    expect(await oldestLease(cache)).to.equal(began);
    await first.release();
    expect(await oldestLease(cache)).to.be.at.least(began ?? 0);
    await second.release();
    expect(await oldestLease(cache)).to.equal(undefined);
    expect(await leases()).to.deep.equal([]);
  });

  it('date what is claimed, and pass over what is not there', async () => {
    const file = join(cache, 'blob');
    await writeFile(file, 'x');
    await utimes(file, 1, 1);
    const lease = await openLease(cache);
    await lease.claim(file);
    await lease.claim(join(cache, 'nothing'));
    expect((await stat(file)).mtimeMs).to.be.at.least((await oldestLease(cache)) ?? Number.POSITIVE_INFINITY);
    await lease.release();
  });

  it('wait for who is deleting what is claimed, and for nobody else', async () => {
    const [mine, other] = [join(cache, 'mine'), join(cache, 'other')];
    await writeFile(mine, 'x');
    await writeFile(other, 'x');
    const lease = await openLease(cache);
    const order: string[] = [];
    let claimed: Promise<unknown> = Promise.resolve();
    await announced(cache, [mine], async (since) => {
      expect(since).to.be.a('number');
      await lease.claim(other);
      order.push('claimed the other');
      claimed = lease.claim(mine).then(() => order.push('claimed'));
      await new Promise((resolve) => setTimeout(resolve, 30));
      order.push('deleted');
    });
    await claimed;
    expect(order).to.deep.equal(['claimed the other', 'deleted', 'claimed']);
    await lease.release();
  });

  it('are not begun in the middle of a deletion', async () => {
    const order: string[] = [];
    let opened: Promise<unknown> = Promise.resolve();
    await announced(cache, [], async () => {
      opened = openLease(cache).then(async (lease) => {
        order.push('begun');
        await lease.release();
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      order.push('deleted');
    });
    await opened;
    expect(order).to.deep.equal(['deleted', 'begun']);
  });

  describe('when the clock changes', () => {
    const now = Date.now;
    afterEach(() => {
      Date.now = now;
      mock.timers.reset();
    });

    it('date what is claimed no earlier than they began', async () => {
      const file = join(cache, 'blob');
      await writeFile(file, 'x');
      const lease = await openLease(cache);
      Date.now = () => now() - 3_600_000;
      await lease.claim(file);
      await announced(cache, [file], async (since = 0) => {
        expect((await stat(file)).mtimeMs).to.be.at.least(since);
      });
      await lease.release();
    });

    it('are there again when somebody took them for dead', async () => {
      mock.timers.enable({ apis: ['setInterval'] });
      const lease = await openLease(cache);
      const [name = ''] = await leases();
      await rm(join(cache, 'leases', name));
      mock.timers.tick(30_000);
      await eventually(async () => expect(await leases()).to.deep.equal([name]));
      await lease.release();
      mock.timers.tick(30_000);
      expect(await leases()).to.deep.equal([]);
    });

    it('of other containers count from now on when they are of later', async () => {
      const path = join(cache, 'leases', 'prune-5-1.1.7-0123456789ab');
      await mkdir(join(cache, 'leases'));
      await writeFile(path, '[]');
      const later = now() / 1000 + 86_400;
      await utimes(path, later, later);
      // It is waited for, and not for a day.
      const opened = openLease(cache);
      await eventually(async () => expect((await stat(path)).mtimeMs).to.be.below(now() + 1000));
      await rm(path);
      await (await opened).release();
    });

    it('do not keep a cache from being looked at', async () => {
      const place = { directory: cache };
      const mark = join(cache, 'checked');
      expect(await keepWithin(place, 1)).to.equal(undefined);
      await mkdir(join(cache, 'memory/run'), { recursive: true });
      await writeFile(join(cache, 'memory/run/some'), 'x'.repeat(10_000));
      expect(await keepWithin(place, 1)).to.equal(undefined);
      const later = now() / 1000 + 86_400;
      await utimes(mark, later, later);
      expect((await keepWithin(place, 1))?.removed).to.have.length(1);
    });
  });

  const [pid, began, space] = (processName() ?? '1.1.1').split('.');
  const minute = 60_000;
  const left: readonly (readonly [string, string, number, boolean])[] = [
    ['a process that has ended', `build-5-999999999.${began}.${space}-0123456789ab`, 0, false],
    ['an earlier process of the same number', `build-5-${pid}.1.${space}-0123456789ab`, 0, false],
    ['this process', `build-5-${pid}.${began}.${space}-0123456789ab`, 60 * minute, true],
    ['another container that says so', `build-5-${pid}.${began}.7-0123456789ab`, minute, true],
    ['another container that fell silent', `build-5-${pid}.${began}.7-0123456789ab`, 6 * minute, false],
    ['a system without /proc that says so', 'build-5-0123456789ab', minute, true],
    ['a system without /proc that fell silent', 'build-5-0123456789ab', 6 * minute, false],
    ['something else', 'letter.txt', 6 * minute, false],
  ];
  for (const [name, file, age, living] of left) {
    it(`${living ? 'keep' : 'clear away'} that of ${name}`, async function () {
      if (processName() === undefined) this.skip();
      await mkdir(join(cache, 'leases'));
      const path = join(cache, 'leases', file);
      await writeFile(path, '');
      const time = (Date.now() - age) / 1000;
      await utimes(path, time, time);
      expect((await oldestLease(cache)) !== undefined).to.equal(living);
      expect(await leases()).to.have.length(living ? 1 : 0);
    });
  }
});
