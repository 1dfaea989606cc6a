import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { busyboxRoot, helperFolder, removeFolder } from '../../../../../support/sandbox.ts';
import { type SandboxUser, sandboxUsers, userDriver } from '../../../../../support/sandbox-users.ts';

const [major = 0, minor = 0] = release().split('.').map(Number);
const hasScopedSignals = major > 6 || (major === 6 && minor >= 12);

const everybody = 'kill -9 -1; echo survived';
const oneByOne =
  'i=1; while [ $i -lt 300 ]; do [ $i = $$ ] || kill -9 $i; i=$((i+1)); done 2>/dev/null; echo survived';
/** The machine that a signal could reach. */
const alone = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

const rows: readonly (readonly [SandboxUser, what: string, command: string, around: readonly string[]])[] = [
  ['this user', 'everybody', everybody, alone],
  ['nobody, with subordinate users', 'everybody', everybody, alone],
  ['this user, in a changed root', 'everybody', everybody, [...alone, 'setpriv', '--no-new-privs']],
  ['this user, in a changed root', 'each process', oneByOne, [...alone, 'setpriv', '--no-new-privs']],
  ['nobody, without namespaces', 'everybody', everybody, alone],
];

describe('a RUN that ends', function () {
  this.timeout(300_000);
  before(async function () {
    if (process.platform !== 'linux' || sandboxUsers().length === 1 || !(await hasDebs())) this.skip();
  });

  for (const [user, what, command, around] of rows) {
    it(`${what} does not end its build, ${user}`, async function () {
      if (what === 'each process' && !hasScopedSignals) this.skip();
      const { folder: root, helper } = await helperFolder();
      try {
        const busybox = await debTree('busybox-static', process.arch === 'x64' ? 'amd64' : process.arch);
        const layer = join(root, 'busybox.tar');
        writeFileSync(layer, await buffer(Readable.from(layerTar(await busyboxRoot(busybox)))));
        const driver = await userDriver(root, helper, around);
        const { results } = await driver.run(user, {
          commands: [
            { layers: [layer], command },
            { layers: [layer], command: 'sleep 1000 & kill -9 $! && echo its own' },
          ],
        });
        expect(results[0]).to.include({ stdout: 'survived\n' });
        expect(results[1]).to.include({ stdout: 'its own\n' });
      } finally {
        await removeFolder(root);
      }
    });
  }
});
