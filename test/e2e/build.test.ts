import { join } from 'node:path';
import { expect } from 'chai';
import { mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { copyAll, type PublishedImage, publishedImages } from '../support/skopeo.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const platforms = [
  { platform: 'linux/amd64', machine: 'x86_64', target: 'amd64' },
  { platform: 'linux/arm64', machine: 'aarch64', target: 'arm64' },
  { platform: 'linux/arm/v7', machine: 'armv7l', target: 'armv7' },
];

servicesDescribe('build: an x64 Dockerfile for three platforms', function (services) {
  this.timeout(180_000);
  const judge = dockerJudge(services.dockerHost);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  for (const engine of ['classic', 'buildkit']) {
    describe(engine, () => {
      const image = `${services.registry}/e2e/multi-stage:${engine}`;
      let images: readonly PublishedImage[] = [];
      let stdout = '';

      before(async () => {
        const result = await mabuildOk(
          [
            ...['build', '--engine', engine, '--platform', platforms.map((row) => row.platform).join(',')],
            ...['--build-arg', 'GREETING=good day', '--push', '-t', image],
            join(repositoryRoot, 'test/fixtures/multi-stage'),
          ],
          { workspace, env: { DOCKER_HOST: services.dockerHost } },
        );
        stdout = result.stdout;
        images = await publishedImages(image);
      });

      it('publishes exactly the three platforms', () => {
        expect(images.map((entry) => withoutDefaultVariant(entry.listed)).sort()).to.deep.equal(
          platforms.map((row) => row.platform).sort(),
        );
      });

      it('says the same platform in the list and in each config', () => {
        expect(images.map((entry) => withoutDefaultVariant(entry.configured))).to.deep.equal(
          images.map((entry) => withoutDefaultVariant(entry.listed)),
        );
      });

      it('is accepted whole by skopeo', async () => {
        await copyAll(image, join(workspace.dir, `copy-${engine}`));
      });

      it('prints what it pushed', () => {
        expect(stdout).to.match(new RegExp(`^${image.replaceAll('.', '\\.')}@sha256:[0-9a-f]{64}\n$`));
      });

      for (const { platform, machine, target } of platforms) {
        it(`runs on ${platform} and was built there`, async () => {
          await judge.pull(image, platform);
          expect((await judge.run(image, platform)).trim().split('\n')).to.deep.equal(
            [
              `machine: ${machine}`,
              `final-machine: ${machine}`,
              `target: ${target}`,
              'greeting: good day',
              'files: ./.dockerignore ./app.sh ./kept.secret ',
            ].map((line) => line.trimEnd()),
          );
          expect((await judge.run(image, platform, ['uname', '-m'])).trim()).to.equal(machine);
        });
      }

      it('leaves nothing behind', async () => {
        // Pulled for the tests above.
        await judge.removeImage(image);
        expect(await judge.containers()).to.deep.equal([]);
        expect(await workspace.leftovers()).to.deep.equal([]);
        expect((await judge.tags()).filter((tag) => !/(^|\/)busybox[:@]/.test(tag))).to.deep.equal([]);
      });
    });
  }
});

/** Docker Hub's arm64 is `arm64/v8`, which is `arm64`. */
function withoutDefaultVariant(platform: string): string {
  return platform.replace(/^linux\/arm64\/v8$/, 'linux/arm64');
}
