import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { layerTar } from '../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../support/debs.ts';
import { busyboxRoot, file, folder, helperFolder, removeFolder } from '../../../../support/sandbox.ts';
import { sandboxUsers, userDriver } from '../../../../support/sandbox-users.ts';

for (const user of sandboxUsers()) {
  describe(`what sandboxes keep, ${user}`, function () {
    this.timeout(120_000);
    before(async function () {
      if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    });

    it('is measured and deleted, whoever its files belong to', async () => {
      const { folder: root, helper } = await helperFolder();
      try {
        const busybox = await debTree('busybox-static', process.arch === 'x64' ? 'amd64' : process.arch);
        const owned = user === 'nobody, alone' ? {} : { uid: 1000, gid: 1001 };
        const entries = [
          ...(await busyboxRoot(busybox)),
          folder('closed', { mode: 0o700, ...owned }),
          file('closed/large', Buffer.alloc(300_000, 'x'), { mode: 0o400, ...owned }),
        ];
        const layer = join(root, 'root.tar');
        writeFileSync(layer, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
        const driver = await userDriver(root, helper);
        const cache = { kind: 'cache', target: '/c', name: '0123456789abcdef01234567', id: 'my cache' };
        const fields = { readOnly: false, mode: 0o700, uid: 0, gid: 0, path: '' };
        const chown = user === 'nobody, alone' ? ':' : 'chown -R 1000:1001 /c/d';
        // Who is no root of any kind cannot look into its own closed folder, but it can delete it.
        const least = user === 'nobody, without namespaces' ? 4096 : 200_000;
        const answer = await driver.run(user, {
          commands: [
            {
              layers: [layer],
              command: `mkdir /c/d && dd if=/dev/zero of=/c/d/f bs=1000 count=200 2>/dev/null && ${chown} && chmod 0 /c/d`,
              mounts: [{ ...cache, ...fields }],
            },
          ],
          prune: true,
        });
        expect(answer.results[0], JSON.stringify(answer.results)).to.include({ kind: 'changed' });
        const { removed = [], problems = [], left } = answer.pruned ?? {};
        expect(problems).to.deep.equal([]);
        expect(left).to.equal(0);
        expect(removed.map(({ kind, name }) => [kind, name])).to.have.deep.members([
          ['unpacked', undefined],
          ['cache-mount', 'my cache'],
        ]);
        for (const { kind, size } of removed)
          expect(size, kind).to.be.at.least(kind === 'unpacked' ? 300_000 : least);
        const kept = join(driver.folder(user), 'cache');
        for (const kind of readdirSync(kept))
          for (const name of ['layers', 'caches', 'work'].map((folder) => join(kept, kind, folder)))
            if (existsSync(name)) expect(readdirSync(name), name).to.deep.equal([]);
      } finally {
        await removeFolder(root);
      }
    });
  });
}
