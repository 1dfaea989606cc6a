import { expect } from 'chai';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { copyTo, publishedImages } from '../support/skopeo.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('private base images', function (services) {
  this.timeout(120_000);
  const judge = dockerJudge(services.dockerHost);
  const mirror = (services.mirror ?? '').replace(/^http:\/\//, '');
  const credentials = `${services.user}:${services.password}`;
  let workspace: Workspace;

  beforeEach(async () => {
    workspace = await makeWorkspace();
  });
  afterEach(() => workspace.remove());

  const registries = [
    { kind: 'basic', host: services.authRegistry },
    { kind: 'token', host: services.tokenRegistry },
  ];
  for (const { kind, host } of registries) {
    for (const engine of ['classic', 'buildkit']) {
      const base = `${host}/private/busybox-for-${engine}:1`;

      it(`${engine} builds from a registry with ${kind} authentication`, async () => {
        await copyTo(`${mirror}/library/busybox:latest`, base, credentials);
        await workspace.login(host, services.user, services.password);
        const image = `${services.registry}/e2e/private-base:${kind}-${engine}`;
        const context = await workspace.context({
          Dockerfile: `FROM ${base}\nRUN uname -m > /machine\nCMD ["cat", "/machine"]\n`,
        });
        await mabuildOk(
          [
            'build',
            '--engine',
            engine,
            '--platform',
            'linux/amd64,linux/arm/v7',
            '--push',
            '-t',
            image,
            context,
          ],
          { workspace, env: { DOCKER_HOST: services.dockerHost } },
        );
        expect((await publishedImages(image)).map((entry) => entry.listed).sort()).to.deep.equal([
          'linux/amd64',
          'linux/arm/v7',
        ]);
        await judge.pull(image, 'linux/arm/v7');
        expect(await judge.run(image, 'linux/arm/v7')).to.equal('armv7l\n');
        await judge.removeImage(image);
      });
    }

    it(`without a user of the ${kind} registry the base is named with its line`, async () => {
      const context = await workspace.context({
        Dockerfile: `FROM ${host}/private/secret-base:1\nRUN true\n`,
      });
      const result = await mabuild(['build', '--platform', 'linux/amd64', context], {
        workspace,
        env: { DOCKER_HOST: services.dockerHost },
      });
      expect(result.stderr)
        .to.match(/\(REGISTRY_(UNAUTHORIZED|DENIED)\)/)
        .and.match(/Dockerfile:1:6\b/);
      expect(result.status).to.equal(3);
    });
  }

  it('pushes to a registry with a certificate of its own', async () => {
    const image = `${services.tlsRegistry}/e2e/tls:1`;
    await workspace.login(services.tlsRegistry, services.user, services.password);
    const context = await workspace.context({
      Dockerfile: 'FROM busybox\nCOPY Dockerfile /\n',
      'mabuild.config.json': JSON.stringify({
        registries: { [services.tlsRegistry]: { ca: services.tlsCertificate } },
      }),
    });
    const result = await mabuildOk(['build', '--push', '-t', image, '.'], {
      workspace,
      cwd: context,
      env: { DOCKER_HOST: services.dockerHost },
    });
    expect(result.stdout).to.match(/@sha256:[0-9a-f]{64}\n$/);
  });
});
