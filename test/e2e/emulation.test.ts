import { expect } from 'chai';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { publishedImages } from '../support/skopeo.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** Where Debian registers its emulator of 32-bit ARM, with the F flag. */
const interpreter = 'usr/libexec/qemu-binfmt/arm-binfmt-P';

servicesDescribe('emulation: what a user may ask for', function (services) {
  this.timeout(120_000);
  const judge = dockerJudge(services.dockerHost);
  const env = { DOCKER_HOST: services.dockerHost };
  let workspace: Workspace;
  let context: string;

  before(async () => {
    workspace = await makeWorkspace();
    context = await workspace.context({
      Dockerfile: 'FROM busybox\nCOPY . /src\nRUN uname -m > /machine\nCMD ["cat", "/machine"]\n',
      file: 'x',
    });
  });
  after(() => workspace.remove());

  for (const engine of ['classic', 'buildkit']) {
    const build = (image: string, ...flags: string[]): string[] => [
      ...['build', '--engine', engine, '--platform', 'linux/arm/v7', '--push', '-t', image],
      ...[...flags, context],
    ];

    it(`--emulation inject lends an emulator that the host does not need, and publishes none (${engine})`, async () => {
      const image = `${services.registry}/e2e/emulation-inject:${engine}`;
      await mabuildOk(build(image, '--emulation', 'inject'), { workspace, env });
      await judge.pull(image, 'linux/arm/v7');
      expect(await judge.run(image, 'linux/arm/v7')).to.equal('armv7l\n');
      const paths = await judge.exportedPaths(image, 'linux/arm/v7');
      expect(paths.filter((path) => /qemu|binfmt|mabuild/.test(path))).to.deep.equal([]);
      expect(paths).to.include('src/file');
      await judge.removeImage(image);
    });

    it(`--keep-emulator publishes it (${engine})`, async () => {
      const image = `${services.registry}/e2e/emulation-keep:${engine}`;
      await mabuildOk(build(image, '--keep-emulator'), { workspace, env });
      await judge.pull(image, 'linux/arm/v7');
      const paths = await judge.exportedPaths(image, 'linux/arm/v7');
      expect(paths).to.include(interpreter);
      expect(paths.filter((path) => path.includes('.mabuild'))).to.deep.equal([]);
      await judge.removeImage(image);
    });

    it(`--emulation off refuses RUN of another processor before anything is built (${engine})`, async () => {
      const result = await mabuild(build(`${services.registry}/e2e/emulation-off:1`, '--emulation', 'off'), {
        workspace,
        env,
      });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.include('EMULATION_MISSING').and.include('linux/arm/v7');
    });

    it(`arm/v6 runs its steps as an ARMv6 processor, and its Env says nothing of it (${engine})`, async () => {
      const image = `${services.registry}/e2e/emulation-v6:${engine}`;
      const v6 = await workspace.context(
        {
          Dockerfile:
            'FROM busybox\nRUN uname -m > /machine && echo "$QEMU_CPU" > /cpu\nCMD ["cat", "/machine", "/cpu"]\n',
        },
        `v6-${engine}`,
      );
      const result = await mabuildOk(
        [
          'build',
          '--engine',
          engine,
          '--platform',
          'linux/arm/v6',
          '--index',
          'always',
          '--push',
          '-t',
          image,
          v6,
        ],
        { workspace, env },
      );
      // The stand-in for docker.io has ARMv5 at best, as Debian has.
      expect(result.stderr).to.match(/no image for linux\/arm\/v6; its linux\/arm\/v5 image/);
      const [published] = await publishedImages(image);
      expect(published?.listed).to.equal('linux/arm/v6');
      expect(published?.configured).to.equal('linux/arm/v6');
      const { config } = published as { config: { config?: { Env?: readonly string[] } } };
      expect(config.config?.Env?.join() ?? '').to.not.include('QEMU');
      await judge.pull(image, 'linux/arm/v6');
      expect((await judge.run(image, 'linux/arm/v6')).split('\n')[1]).to.equal('arm1176');
      await judge.removeImage(image);
    });
  }
});
