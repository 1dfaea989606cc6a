import { createReadStream, existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { readTarEntries } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../support/debs.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { type InstalledCommand, installCommand } from '../../support/installed-command.ts';
import { makeImage } from '../../support/made-image.ts';
import { publish } from '../../support/published.ts';
import { busyboxRoot, placeProot } from '../../support/sandbox.ts';
import { sandboxUsers } from '../../support/sandbox-users.ts';

const user = 'nobody, alone';

(sandboxUsers().includes(user) ? describe : describe.skip)('USER where there is one user only', function () {
  this.timeout(300_000);
  let root = '';
  let base = '';
  let registry: TestRegistry | undefined;
  let command: InstalledCommand;

  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    root = await mkdtemp(join(tmpdir(), 'mabuild-one-user-'));
    await chmod(root, 0o755);
    registry = await startTestRegistry();
    base = `${registry.host}/library/busybox:1`;
    const entries = await busyboxRoot(await debTree('busybox-static', 'amd64'));
    const layers = [await buffer(Readable.from(layerTar(entries)))];
    await publish(makeImage({ platform: 'linux/amd64', layers }), base);
    command = await installCommand(root);
    await placeProot(root);
  });
  after(async () => {
    await registry?.close();
    if (root !== '') await rm(root, { recursive: true, force: true });
  });

  /** Where it may find proot. */
  async function homeWith(hasProot: boolean): Promise<string> {
    const home = join(root, hasProot ? 'with' : 'without');
    await mkdir(join(home, 'tmp'), { recursive: true });
    if (hasProot) await cp(join(root, 'proot'), join(home, 'cache/programs/proot'), { recursive: true });
    for (const path of ['', 'tmp', ...(hasProot ? ['cache'] : [])])
      await chown(join(home, path), 65534, 65534);
    return home;
  }

  async function build(lines: string, home: string) {
    const context = join(home, 'context');
    await writeContext(context, { Dockerfile: `FROM ${base}\n${lines}\n` });
    await chmod(context, 0o755);
    const args = ['build', '--engine', 'embedded', '--platform', 'linux/amd64', '-o', `tar:${home}/out`];
    return await command.start(user, [...args, context], { home }).ended;
  }

  it('is pretended by proot where that is there, and what root does is not', async () => {
    const home = await homeWith(true);
    const dockerfile =
      'RUN grep -c : /proc/net/dev >/root-made; id -u >>/root-made\nUSER app\nRUN id -u >/tmp/by-app; id -g >>/tmp/by-app';
    const { status, stderr } = await build(dockerfile, home);
    expect(status, stderr).to.equal(0);
    expect(stderr).to.match(
      /USER needs another user, and this user namespace has one only: .*uidmap.*proot, which is incomplete/,
    );
    const found: Record<string, string> = {};
    for await (const { name, uid, gid, body } of readTarEntries(createReadStream(join(home, 'out')))) {
      if (!/root-made|by-app/.test(name)) continue;
      found[name.replace(/^\.?\//, '')] =
        `${uid}:${gid} ${(await buffer(body)).toString().split('\n').at(-2)}`;
    }
    expect(found).to.deep.equal({ 'root-made': '0:0 0', 'tmp/by-app': '1000:1001 1001' });
    const again = await build(dockerfile, home);
    expect(again.stderr).not.to.match(/proot/);
    const kept = await build('RUN id -u\nUSER app\nRUN --network=none id -u', home);
    // It is there, and it can be kept from the network, but not both.
    expect(kept.status).to.equal(1);
    expect(kept.stderr).to.match(/had one user only/);
  });

  it('is refused where there is no proot, with what gets it', async function () {
    if (existsSync('/usr/bin/proot')) return this.skip();
    const { status, stderr } = await build('USER app\nRUN true', await homeWith(false));
    expect(status).to.equal(1);
    expect(stderr).to.match(/could not run as user 1000:1001/);
    expect(stderr).to.match(/list subordinate users .* `mabuild emulator fetch proot`/);
  });

  it('may be root by any name without proot', async () => {
    const { status, stderr } = await build(
      'USER 0:0\nRUN true\nUSER root\nRUN test $(id -u) = 0',
      await homeWith(false),
    );
    expect(status, stderr).to.equal(0);
    expect(stderr).not.to.match(/proot/);
  });
});
