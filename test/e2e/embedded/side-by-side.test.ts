import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../support/debs.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { eventually } from '../../support/eventually.ts';
import { type InstalledCommand, installCommand } from '../../support/installed-command.ts';
import { makeImage } from '../../support/made-image.ts';
import { publish } from '../../support/published.ts';
import { busyboxRoot, file } from '../../support/sandbox.ts';
import { type SandboxUser, sandboxUsers } from '../../support/sandbox-users.ts';

const users = (['this user', 'nobody, with subordinate users', 'nobody, alone'] as const).filter((user) =>
  sandboxUsers().includes(user),
);
const atOnce = 4;

function leftRunning(mark: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').includes(mark);
    } catch {
      return false;
    }
  });
}

for (const user of users as readonly SandboxUser[]) {
  describe(`builds side by side in one empty cache, ${user}`, function () {
    this.timeout(300_000);
    let root = '';
    let base = '';
    let registry: TestRegistry | undefined;
    let command: InstalledCommand;

    before(async function () {
      if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
      root = await mkdtemp(join(tmpdir(), 'mabuild-side-'));
      await chmod(root, 0o755);
      registry = await startTestRegistry();
      base = `${registry.host}/library/busybox:1`;
      const entries = await busyboxRoot(await debTree('busybox-static', 'amd64'));
      const more = Array.from({ length: 300 }, (_, index) => file(`etc/${index}`, 'x'.repeat(index)));
      const layers = await Promise.all([entries, more].map((some) => buffer(Readable.from(layerTar(some)))));
      await publish(
        makeImage(...['linux/amd64', 'linux/386', 'linux/arm64'].map((platform) => ({ platform, layers }))),
        base,
      );
      command = await installCommand(root);
    });
    after(async () => {
      await registry?.close();
      if (root !== '') await rm(root, { recursive: true, force: true });
    });

    it('all fetch the same base and execute the same RUNs, and all end well, with one digest', async () => {
      const context = join(root, 'context');
      const run = 'RUN --mount=type=cache,target=/c date +%N >>/c/all; rm /etc/7; cat /etc/1* >/made';
      await writeContext(context, {
        Dockerfile: `FROM ${base}\nCOPY a /a\n${run}\nRUN cat /made /a >/more\n`,
        a: 'a',
      });
      await chmod(context, 0o755);
      const home = command.home(user);
      await mkdir(join(home, 'tmp'), { recursive: true });
      await chmod(join(home, 'tmp'), 0o777);
      const builds = Array.from({ length: atOnce }, (_, index) => {
        const args = [
          '--engine',
          'embedded',
          '--platform',
          'linux/amd64',
          '--quiet',
          '-o',
          `oci:${home}/out-${index}`,
        ];
        const env = { SOURCE_DATE_EPOCH: '1700000000' };
        return command.start(user, ['build', ...args, context], { env }).ended;
      });
      const ended = await Promise.all(builds);
      for (const { status, stderr } of ended) expect(status, stderr).to.equal(0);
      expect(new Set(ended.map(({ stdout }) => stdout)).size).to.equal(1);
    });

    it('of one command end with the first that fails, which is told of each', async () => {
      const context = join(root, 'failing');
      const mark = String(100_000 + Math.floor(Math.random() * 800_000));
      const run = `RUN if [ $TARGETARCH = 386 ]; then sleep 1; exit 3; fi; sleep ${mark}`;
      await writeContext(context, { Dockerfile: `FROM ${base}\nARG TARGETARCH\n${run}\n` });
      await chmod(context, 0o755);
      const args = [
        '--engine',
        'embedded',
        '--platform',
        'linux/amd64,linux/386',
        '-o',
        `oci:${command.home(user)}/never`,
      ];
      const { status, stderr } = await command.start(user, ['build', ...args, context]).ended;
      expect(status, stderr).to.equal(1);
      expect(stderr).to.match(/^\[linux\/386\] failed$/m);
      expect(stderr).to.match(/^\[linux\/amd64\] canceled: linux\/386 failed$/m);
      expect(stderr).to.match(/^error: building linux\/386 failed at line 3 /m);
      await eventually(async () => expect(leftRunning(mark)).to.deep.equal([]));
    });
  });
}
