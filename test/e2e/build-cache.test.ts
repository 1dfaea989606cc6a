import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { type CacheTrial, cacheTrial, randomContext } from '../support/cache-trial.ts';
import { runCli } from '../support/cli-run.ts';
import { hasDebs } from '../support/debs.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('a build cache in a registry', function (services) {
  this.timeout(180_000);
  let trial: CacheTrial;
  before(async function () {
    if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    trial = await cacheTrial({ helper: true });
  });
  after(() => trial?.remove());

  it('has an entry a platform, which others read, and saves RUN on a machine with nothing', async () => {
    const reference = `${services.registry}/caches/app:${randomBytes(4).toString('hex')}`;
    const context = await randomContext();
    const files = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY data /$TARGETARCH\n', data: 'the same' };
    const first = await trial.build('first', context, { cacheTo: [reference] });
    await trial.build('arm', files, { platforms: ['linux/arm64', 'linux/arm/v7'], cacheTo: [reference] });
    const index = JSON.parse(
      await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]),
    ) as { manifests: { platform: { architecture: string } }[] };
    expect(index.manifests.map(({ platform }) => platform.architecture)).to.have.members([
      ...['amd64', 'arm64', 'arm'],
    ]);
    const second = await trial.build('second', context, { cacheFrom: [reference] });
    expect(second.warnings).to.deep.equal([]);
    expect(second.digest).to.equal(first.digest);
    const arm = await trial.build('third', files, {
      ...{ platforms: ['linux/arm/v7', 'linux/arm64'], cacheFrom: [reference], cacheTo: [reference] },
    });
    expect(arm.cached).to.have.length(2);
    const again = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]);
    expect(JSON.parse(again)).to.deep.equal(index);
  });
});

servicesDescribe('a build cache in an image', function (services) {
  this.timeout(180_000);
  let workspace: Workspace;
  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  it('serves a Docker Engine that remembers nothing, on every platform', async () => {
    const name = `${services.registry}/caches/inline:${randomBytes(4).toString('hex')}`;
    const context = await workspace.context(
      { Dockerfile: 'FROM busybox\nRUN head -c 16 /dev/urandom > /random\n' },
      'inline',
    );
    const judge = dockerJudge(services.dockerHost);
    const layersOf = async (args: readonly string[]): Promise<readonly unknown[]> => {
      const build = ['build', '--engine', 'buildkit', '--platform', 'linux/amd64,linux/arm/v7', ...args];
      const world = { PATH: process.env.PATH, DOCKER_HOST: services.dockerHost };
      const { code, stderr } = await runCli(workspace.dir, [...build, '--push', '-t', name, context], world);
      expect(code, stderr).to.equal(0);
      await judge.forgetBuilds();
      const { stdout } = await runCli(workspace.dir, ['inspect', '--format', 'json', name]);
      const { images } = JSON.parse(stdout) as { images: { layers: unknown }[] };
      return images.map(({ layers }) => layers);
    };
    const first = await layersOf(['--cache-to', 'type=inline']);
    const second = await layersOf(['--cache-from', name, '--cache-to', 'type=inline', '--label', 'other=1']);
    expect(second).to.deep.equal(first);
    const third = await layersOf(['--label', 'other=2']);
    expect(third).not.to.deep.equal(first);
  });
});
