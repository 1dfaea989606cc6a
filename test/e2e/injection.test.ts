import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { registerWithoutFixedBinary } from '../../scripts/lib/binfmt.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { copyAll, publishedImages } from '../support/skopeo.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** Exists neither on this machine nor in any image: without injection no ARM program starts. */
const interpreter = '/usr/lib/mabuild-test/emulators/qemu-for-arm';

servicesDescribe('injection: an emulator that must be inside the image', function (services) {
  this.timeout(180_000);
  const judge = dockerJudge(services.dockerHost);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  for (const engine of ['classic', 'buildkit']) {
    describe(engine, () => {
      const image = `${services.registry}/e2e/injection:${engine}`;

      before(async () => {
        const entry = registerWithoutFixedBinary(interpreter);
        try {
          await mabuildOk(
            [
              ...[
                'build',
                '--engine',
                engine,
                '--platform',
                'linux/amd64,linux/arm64,linux/arm/v7',
                '--push',
              ],
              ...['-t', image, join(repositoryRoot, 'test/fixtures/injection')],
            ],
            { workspace, env: { DOCKER_HOST: services.dockerHost } },
          );
        } finally {
          entry.remove();
        }
      });

      it('builds on the emulated machine', async () => {
        await judge.pull(image, 'linux/arm/v7');
        expect(await judge.run(image, 'linux/arm/v7')).to.equal('armv7l\narmv7l\n');
      });

      it('publishes no emulator: docker export has none', async () => {
        await judge.pull(image, 'linux/arm/v7');
        const paths = await judge.exportedPaths(image, 'linux/arm/v7');
        expect(paths).to.include('data/final-machine');
        expect(paths.filter(isTrace)).to.deep.equal([]);
        await judge.removeImage(image);
      });

      it('publishes no emulator: no layer has one', async () => {
        const folder = join(workspace.dir, `layers-${engine}`);
        await mkdir(folder);
        // skopeo checks every digest while it copies.
        await copyAll(image, folder);
        for (const { layers, listed } of await publishedImages(image)) {
          for (const layer of layers) {
            const file = join(folder, layer.replace(/^sha256:/, ''));
            const paths = (await run('tar', ['-tf', file])).split('\n');
            expect(paths.filter(isTrace), `${listed} ${layer}`).to.deep.equal([]);
          }
        }
      });

      it('says nothing of the emulator in the config', async () => {
        for (const { config } of await publishedImages(image)) {
          expect(JSON.stringify(config).match(/.{0,80}(qemu|mabuild-test).{0,80}/g) ?? []).to.deep.equal([]);
        }
      });

      it('leaves nothing behind', async () => {
        expect(await judge.containers()).to.deep.equal([]);
        expect(await workspace.leftovers()).to.deep.equal([]);
      });
    });
  }

  it('the entries of the machine are as they were', async () => {
    expect(await readFile('/proc/sys/fs/binfmt_misc/qemu-arm', 'utf8')).to.match(/^enabled\n/);
  });
});

function isTrace(path: string): boolean {
  return /qemu|mabuild-test/.test(path);
}
