import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { eventually } from '../../../../../support/eventually.ts';
import { busyboxRoot, helperFolder, removeFolder } from '../../../../../support/sandbox.ts';
import { sandboxUsers, userDriver } from '../../../../../support/sandbox-users.ts';

for (const user of sandboxUsers()) {
  describe(`a build that is killed, ${user}`, function () {
    this.timeout(120_000);
    before(async function () {
      if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    });

    for (const victim of ['the build', 'the helper'] as const) {
      it(`leaves nothing running or mounted when ${victim} is killed, and the next one works`, async () => {
        const { folder: root, helper } = await helperFolder();
        try {
          const busybox = await debTree('busybox-static', process.arch === 'x64' ? 'amd64' : process.arch);
          const layer = join(root, 'busybox.tar');
          writeFileSync(layer, await buffer(Readable.from(layerTar(await busyboxRoot(busybox)))), {
            mode: 0o644,
          });
          const driver = await userDriver(root, helper);
          // A number of its own finds it among all processes.
          const mark = String(100_000 + Math.floor(Math.random() * 800_000));
          const command = `echo begun; setsid sleep ${mark} & sleep ${mark}`;
          const child = driver.start(user, { commands: [{ layers: [layer], command }] });
          child.stdout?.resume();
          child.stderr?.resume();
          await eventually(async () => expect(processes(mark)).to.have.length.at.least(2));
          if (victim === 'the build') child.kill('SIGKILL');
          else for (const pid of helpersOf(helper)) process.kill(pid, 'SIGKILL');
          // Without namespaces what went into the background stays until the next build finds it.
          const stays = user === 'this user, in a changed root' && victim === 'the helper';
          if (!stays) await eventually(async () => expect(processes(mark)).to.deep.equal([]));
          await eventually(async () => expect(helpersOf(helper)).to.deep.equal([]));
          child.kill('SIGKILL');
          expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(root);
          const answer = await driver.run(user, { commands: [{ layers: [layer], command: 'echo again' }] });
          expect(answer.results[0]).to.include({ kind: 'changed', stdout: 'again\n' });
          expect(processes(mark)).to.deep.equal([]);
          const cache = join(driver.folder(user), 'cache');
          // One that the kernel refused has nothing but its name.
          for (const kind of readdirSync(cache).filter((name) => existsSync(join(cache, name, 'work'))))
            expect(readdirSync(join(cache, kind, 'work')), kind).to.deep.equal([]);
        } finally {
          await removeFolder(root);
        }
      });
    }
  });
}

/** Processes whose arguments have a word. */
function processes(word: string): readonly string[] {
  return commandLines()
    .filter(([, line]) => line.split('\0').includes(word))
    .map(([, line]) => line);
}

/** Helpers that this module serves: they are Node with nothing but its path. */
function helpersOf(helper: string): readonly number[] {
  return commandLines()
    .filter(([, line]) => line === `${process.execPath}\0${helper}\0`)
    .map(([pid]) => pid);
}

function commandLines(): readonly (readonly [number, string])[] {
  return readdirSync('/proc').flatMap((name): readonly (readonly [number, string])[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [[Number(name), readFileSync(`/proc/${name}/cmdline`, 'latin1')]];
    } catch {
      return [];
    }
  });
}
