import { verifyRun } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';

describe('verifyRun', () => {
  it('runs as many tasks at a time as it may, and goes on after a failure', async () => {
    const run = verifyRun({ jobs: 3 });
    let now = 0;
    let most = 0;
    const task = async (index: number): Promise<number> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      if (index % 4 === 0) throw new Error(`${index}`);
      return index;
    };
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => run.limited(() => task(index))),
    );
    expect(most).to.equal(3);
    expect(all.filter(({ status }) => status === 'fulfilled')).to.have.length(15);
    expect(await run.limited(() => task(1))).to.equal(1);
  });

  it('asks once, and again after a failure', async () => {
    const run = verifyRun();
    let asked = 0;
    const ask = async (): Promise<number> => {
      asked += 1;
      if (asked === 1) throw new Error('not yet');
      return asked;
    };
    expect((await rejection(run.once('key', ask))).message).to.equal('not yet');
    expect(
      await Promise.all([run.once('key', ask), run.once('key', ask), run.once('key', ask)]),
    ).to.deep.equal([2, 2, 2]);
  });

  it('forgets layers that were not looked at for long, when there are many', async () => {
    const run = verifyRun({ memory: 1000 });
    const scans: string[] = [];
    const look = (digest: string): Promise<object> =>
      run.layer(digest, async () => {
        scans.push(digest);
        return { elf: [] };
      });
    for (const digest of ['a', 'b', 'c', 'd', 'e']) await look(digest);
    await look('a');
    await look('f');
    await look('a');
    await look('b');
    expect(scans).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f', 'b']);
  });

  it('looks again at a layer that could not be read', async () => {
    const run = verifyRun();
    const failing = (): Promise<object> => Promise.reject(new Error('cut'));
    expect((await rejection(run.layer('a', failing))).message).to.equal('cut');
    expect(await run.layer('a', async () => ({ elf: [] }))).to.deep.equal({ elf: [] });
  });
});
