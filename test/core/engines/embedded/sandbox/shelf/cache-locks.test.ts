import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processName } from '@mabuild/oci';
import { expect } from 'chai';
import {
  type LockedMount,
  lockCaches,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/shelf/cache-locks.ts';
import { rejection } from '../../../../../support/rejection.ts';

const locked = (name: string): LockedMount => ({ name, sharing: 'locked' });
const own = (name: string): LockedMount => ({ name, sharing: 'private' });

describe('locks on cache mounts', () => {
  let shelf = '';
  beforeEach(async () => {
    shelf = await mkdtemp(join(tmpdir(), 'mabuild-locks-'));
  });
  afterEach(() => rm(shelf, { recursive: true, force: true }));

  it('let one in after the other', async () => {
    const order: number[] = [];
    let inside = 0;
    await Promise.all(
      [1, 2, 3, 4, 5].map(async (number) => {
        const { release } = await lockCaches(shelf, [locked('a'), locked('b')]);
        inside += 1;
        expect(inside).to.equal(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
        order.push(number);
        await release();
      }),
    );
    expect(order).to.have.members([1, 2, 3, 4, 5]);
    expect(await readdir(join(shelf, 'uses'))).to.deep.equal([]);
  });

  it('are taken in one order, and once by one RUN', async () => {
    const first = lockCaches(shelf, [locked('b'), locked('a'), locked('b')]);
    const second = lockCaches(shelf, [locked('a'), locked('b')]);
    const one = await Promise.race([first, second]);
    await one.release();
    const both = await Promise.all([first, second]);
    expect(both.map(({ names }) => names)).to.deep.equal([
      ['b', 'a', 'b'],
      ['a', 'b'],
    ]);
    for (const { release } of both) await release();
  });

  it('give another folder to who wants one alone', async () => {
    const first = await lockCaches(shelf, [own('a')]);
    const second = await lockCaches(shelf, [own('a')]);
    expect([first.names, second.names]).to.deep.equal([['a'], ['a-1']]);
    await first.release();
    const third = await lockCaches(shelf, [own('a')]);
    expect(third.names).to.deep.equal(['a']);
    await second.release();
    await third.release();
  });

  it('are not waited for when the build is stopped', async () => {
    const { release } = await lockCaches(shelf, [locked('a')]);
    const stopped = new AbortController();
    const waiting = lockCaches(shelf, [locked('a')], { signal: stopped.signal });
    stopped.abort(new Error('stopped'));
    expect((await rejection(waiting)).message).to.equal('stopped');
    await release();
  });

  it('of a process that was killed are taken away', async function () {
    const [, , space] = processName()?.split('.') ?? [];
    if (space === undefined) this.skip();
    await mkdir(join(shelf, 'uses'));
    await writeFile(join(shelf, 'uses/a.lock'), `999999999.1.${space} killed`);
    await writeFile(join(shelf, 'uses/b.lock'), '1.1.7 of another container');
    await utimes(join(shelf, 'uses/b.lock'), 1, 1);
    const both = await Promise.all([
      lockCaches(shelf, [locked('a'), locked('b')]).then(async ({ release }) => release()),
      lockCaches(shelf, [locked('a'), locked('b')]).then(async ({ release }) => release()),
    ]);
    expect(both).to.have.length(2);
    expect(await readdir(join(shelf, 'uses'))).to.deep.equal([]);
  });
});
