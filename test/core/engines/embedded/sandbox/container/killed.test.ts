import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import { here, must } from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/kernel.ts';
import { syscallProgram } from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/syscall-program.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { eventually } from '../../../../../support/eventually.ts';
import { busyboxRoot, file, helperFolder, removeFolder } from '../../../../../support/sandbox.ts';
import { sandboxUsers, userDriver } from '../../../../../support/sandbox-users.ts';

for (const user of sandboxUsers()) {
  describe(`a build that is killed, ${user}`, function () {
    this.timeout(120_000);
    before(async function () {
      if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    });

    for (const victim of ['the build', 'the helper', 'the build with its helper'] as const) {
      it(`leaves nothing running or mounted when ${victim} is killed, and the next one works`, async () => {
        const { folder: root, helper } = await helperFolder();
        try {
          const busybox = await debTree('busybox-static', process.arch === 'x64' ? 'amd64' : process.arch);
          const layer = join(root, 'busybox.tar');
          const entries = [...(await busyboxRoot(busybox)), becomeOther()];
          writeFileSync(layer, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
          const driver = await userDriver(root, helper);
          // A number of its own finds it among all processes.
          const mark = String(100_000 + Math.floor(Math.random() * 800_000));
          const daemons = `mkfifo /tmp/f; setsid /become-other ${mark} & setsid sleep ${mark} &`;
          const command = `echo begun; ${daemons} sleep ${mark}`;
          const child = driver.start(user, { commands: [{ layers: [layer], command }] });
          child.stdout?.resume();
          child.stderr?.resume();
          const count = user.startsWith('nobody') ? 2 : 3;
          await eventually(async () => expect(processes(mark)).to.have.length.at.least(count));
          const helpers = helpersOf(helper);
          if (victim !== 'the helper') child.kill('SIGKILL');
          if (victim !== 'the build') for (const pid of helpers) process.kill(pid, 'SIGKILL');
          // Without namespaces what went into the background stays until the next build finds it.
          const stays = user === 'this user, in a changed root' && victim === 'the build with its helper';
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

/** Becomes another user and waits, as servers do: it shows its root and its environment to root alone, who may use `ptrace`. */
function becomeOther(): LayerEntry {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const steps = [
    must('become another user', 'setresuid', 1000, 1000, 1000),
    must('wait for a writer', 'openat', here, '/tmp/f', 0, 0),
  ];
  return file('become-other', syscallProgram(architecture, steps), { mode: 0o755 });
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
