import { join } from 'node:path';
import { expect } from 'chai';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** It takes what is made for x86, as a file for x64 does. */
const dockerfile = ['FROM busybox', 'COPY lib /usr/lib', 'RUN cp /usr/lib/x86_64-linux-gnu/it /it', ''].join(
  '\n',
);
const files = {
  Dockerfile: dockerfile,
  'lib/x86_64-linux-gnu/it': 'x64\n',
  'lib/aarch64-linux-gnu/it': 'arm64\n',
  'lib/arm-linux-gnueabihf/it': 'armhf\n',
};
const platforms = 'linux/arm64,linux/arm/v7';

servicesDescribe('fixes and proofs', function (services) {
  this.timeout(120_000);
  const env = { DOCKER_HOST: services.dockerHost };
  let workspace: Workspace;
  let context: string;

  before(async () => {
    workspace = await makeWorkspace();
    context = await workspace.context(files);
  });
  after(() => workspace.remove());

  const build = (...more: readonly string[]): readonly string[] => [
    ...[
      'build',
      '--platform',
      platforms,
      '--push',
      '-t',
      `${services.registry}/e2e/fixed:1`,
      ...more,
      context,
    ],
  ];

  const said = async (): Promise<readonly string[]> => {
    const answers: string[] = [];
    for (const platform of platforms.split(',')) {
      const run = [
        'run',
        '--rm',
        '--platform',
        platform,
        `${services.registry}/e2e/fixed:1`,
        '--',
        'cat',
        '/it',
      ];
      answers.push((await mabuildOk(run, { workspace, env })).stdout);
    }
    return answers;
  };

  it('an x64 file gives ARM what is for x64', async () => {
    await mabuildOk(build(), { workspace, env });
    expect(await said()).to.deep.equal(['x64\n', 'x64\n']);
  });

  it('build --fix builds it for every platform, and leaves the file', async () => {
    await mabuildOk(build('--fix'), { workspace, env });
    expect(await said()).to.deep.equal(['arm64\n', 'armhf\n']);
    const check = await mabuild(['migrate', '--check', join(context, 'Dockerfile')], { workspace, env });
    expect(check.status).to.equal(1);
  });

  for (const style of ['portable', 'per-arch']) {
    it(`migrate --prove tells what builds, ${style}`, async () => {
      const flags = ['migrate', '--prove', '--style', style, '--platform', platforms, '--format', 'json'];
      const result = await mabuildOk([...flags, join(context, 'Dockerfile')], { workspace, env });
      const { proof } = JSON.parse(result.stdout);
      const steps = proof.map((step: { text: string; platform: string; ok: boolean }) => [
        step.text,
        step.platform,
        step.ok,
      ]);
      expect(steps).to.deep.equal([
        ['before', 'linux/amd64', true],
        ...(style === 'portable' ? [['after', 'linux/amd64', true]] : []),
        ['after', 'linux/arm64', true],
        ['after', 'linux/arm/v7', true],
      ]);
      expect(await workspace.leftovers()).to.deep.equal([]);
    });
  }

  it('migrate --prove fails when the result does not build', async () => {
    const folder = await workspace.context({ Dockerfile: 'FROM busybox\nRUN false\n' }, 'broken');
    const result = await mabuild(
      ['migrate', '--prove', '--platform', 'linux/arm64', join(folder, 'Dockerfile')],
      {
        workspace,
        env,
      },
    );
    expect(result.status).to.equal(1);
    expect(result.stderr).to.match(/^failed: after linux\/arm64: .*BUILD_FAILED/m);
  });
});
