import { join } from 'node:path';
import { expect } from 'chai';
import { mabuildOk } from '../support/cli.ts';
import { runNode } from '../support/node.ts';
import { servicesDescribe } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const typescript = ['--conditions=@mabuild/source', '--import=tsx'];

servicesDescribe('examples/build-and-push.ts', function (services) {
  this.timeout(120_000);
  let workspace: Workspace;
  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  it('builds, pushes and verifies three platforms', async () => {
    const reference = `${services.registry}/e2e/example:1`;
    const env = { DOCKER_HOST: services.dockerHost };
    const result = await runNode(
      [...typescript, join(repositoryRoot, 'examples/build-and-push.ts'), reference],
      {
        cwd: repositoryRoot,
        env: {
          ...env,
          HOME: workspace.dir,
          DOCKER_CONFIG: workspace.dockerConfig,
          MABUILD_CACHE: workspace.cache,
          TMPDIR: workspace.temporary,
        },
      },
    );
    expect(result.stderr).to.equal('');
    expect(result.status).to.equal(0);
    const lines = result.stdout.trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).to.deep.equal([
      'linux/amd64',
      'linux/arm64',
      'linux/arm/v7',
    ]);
    for (const line of lines) {
      const [platform = '', , digest] = line.split(' ');
      const known = await mabuildOk(['digest', '--platform', platform, reference], { workspace, env });
      expect(known.stdout.trim()).to.equal(digest);
    }
  });
});
