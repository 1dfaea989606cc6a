import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { randomContext } from '../../support/cache-trial.ts';
import { hasDebs } from '../../support/debs.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { bundled } from '../../support/sandbox.ts';

/** Builds that one process makes while another one deletes. */
const builds = 6;

const steps = ['COPY data /more', 'RUN --mount=type=cache,target=/c cat /data > /c/x && cat /c/x > /y'];

describe('a cache that several processes use', function () {
  this.timeout(300_000);
  let work = '';
  let program = '';
  before(async function () {
    if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    work = await mkdtemp(join(tmpdir(), 'mabuild-parallel-'));
    await bundled('packages/cli/src/sandbox-helper.ts', work);
    program = await bundled('test/support/cache-worker.ts', work);
  });
  after(() => rm(work, { recursive: true, force: true }));

  const start = (...args: readonly string[]): ChildProcess =>
    spawn(process.execPath, [program, work, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = async (child: ChildProcess) => {
    const [output, errors, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close'),
    ]);
    return { output, errors, code };
  };

  it('loses nothing that a build uses while another process deletes without a pause', async () => {
    // It fails when somebody else is there.
    const alone = 'mkdir /l/busy && sleep 0.2 && rmdir /l/busy';
    const lines = [...steps, `RUN --mount=type=cache,target=/l,sharing=locked ${alone}`];
    await writeContext(join(work, 'context'), await randomContext(lines));
    const pruner = start('prune');
    const pruned = ended(pruner);
    const answers = await Promise.all([
      ended(start('build', 'a', String(builds))),
      ended(start('build', 'b', String(builds))),
    ]);
    // It ends when nobody holds its input any more.
    pruner.stdin?.end();
    for (const { code, errors } of answers) expect(code, errors).to.equal(0);
    for (const { output } of answers) expect(output.match(/built/g)).to.have.length(builds);
    const { code, output, errors } = await pruned;
    expect(code, errors).to.equal(0);
    const { rounds, removed } = JSON.parse(output) as { rounds: number; removed: number };
    expect(rounds).to.be.greaterThan(1);
    expect(removed).to.be.greaterThan(0);
  });

  it('survives builds and deletions that are killed', async () => {
    await writeContext(join(work, 'context'), await randomContext(steps));
    for (let round = 0; round < 6; round += 1) {
      const victims = [start('build', `killed-${round}`, '3'), start('prune')];
      // One may end before it is killed.
      const closed = victims.map((victim) => once(victim, 'close'));
      for (const victim of victims) victim.stdout?.resume();
      await new Promise((resolve) => setTimeout(resolve, 300 + round * 250));
      for (const victim of victims) victim.kill('SIGKILL');
      await Promise.all(closed);
    }
    const built = await ended(start('build', 'after', '2'));
    expect(built.code, built.errors).to.equal(0);
    const last = start('prune');
    last.stdin?.end();
    const pruned = await ended(last);
    expect(pruned.code, pruned.errors).to.equal(0);
    const cache = join(work, 'cache');
    expect(await readdir(join(cache, 'content/blobs/sha256'))).to.deep.equal([]);
    expect(await readdir(join(cache, 'leases'))).to.deep.equal([]);
    for (const kind of await readdir(join(cache, 'sandbox')))
      for (const folder of ['layers', 'caches'])
        expect(await readdir(join(cache, 'sandbox', kind, folder)), `${kind} ${folder}`).to.deep.equal([]);
  });
});
