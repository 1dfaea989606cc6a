import { join } from 'node:path';
import { expect } from 'chai';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { copyAll, digestOfTag, inspectRaw } from '../support/skopeo.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const fixture = join(repositoryRoot, 'test/fixtures/multi-stage');
const rows = [
  { platform: 'linux/amd64', architecture: 'amd64', machine: 'x86_64' },
  { platform: 'linux/arm64', architecture: 'arm64', machine: 'aarch64' },
  { platform: 'linux/arm/v7', architecture: 'arm', machine: 'armv7l' },
];

servicesDescribe('images of the engine', function (services) {
  this.timeout(120_000);
  const env = { DOCKER_HOST: services.dockerHost };
  const judge = dockerJudge(services.dockerHost);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  for (const { platform, architecture, machine } of rows) {
    describe(platform, () => {
      const name = `engine-images.example/app:${architecture}`;
      const target = `${services.registry}/e2e/engine-images:${architecture}`;
      after(() => judge.removeImage(name));

      it('--load puts it there under its tag', async () => {
        await mabuildOk(['build', '--platform', platform, '--load', '-t', name, fixture], { workspace, env });
        expect(await judge.tags()).to.include(name);
        expect((await judge.run(name, platform, ['uname', '-m'])).trim()).to.equal(machine);
      });

      it('push docker: publishes it', async () => {
        const { stdout } = await mabuildOk(['push', `docker:${name}`, target], { workspace, env });
        const digest = await digestOfTag(target);
        expect(stdout).to.equal(`${target}@${digest}\n`);
        const manifest = JSON.parse(await inspectRaw(target));
        expect(manifest.mediaType).to.equal('application/vnd.oci.image.manifest.v1+json');
        // skopeo checks each digest on the way.
        await copyAll(target, join(workspace.dir, `copy-${architecture}`));
        await judge.removeImage(name);
        await judge.pull(target, platform);
        expect((await judge.run(target, platform)).split('\n')[0]).to.equal(`machine: ${machine}`);
        await judge.removeImage(target);
      });
    });
  }

  it('without --load the platforms that are not kept are named', async () => {
    const name = 'engine-images.example/app:several';
    const { stderr } = await mabuildOk(['build', '-t', name, fixture], { workspace, env });
    expect(stderr).to.include('only linux/amd64 was loaded; linux/arm64, linux/arm/v7 are not kept');
    await judge.removeImage(name);
  });

  it('that is not there cannot be pushed', async () => {
    const { status, stderr } = await mabuild(
      ['push', 'docker:engine-images.example/none:1', `${services.registry}/e2e/none:1`],
      { workspace, env },
    );
    expect(status).to.be.greaterThan(0);
    expect(stderr).to.match(
      /^error: the engine at \S+ has no image engine-images\.example\/none:1 \(IMAGE_NOT_FOUND\)\nhint: /,
    );
  });

  afterEach(async () => {
    expect(await workspace.leftovers()).to.deep.equal([]);
    expect(await judge.containers()).to.deep.equal([]);
  });
});
