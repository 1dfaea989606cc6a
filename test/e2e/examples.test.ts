import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { runNode } from '../support/node.ts';
import { servicesDescribe } from '../support/services.ts';
import { publishedImages } from '../support/skopeo.ts';
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

servicesDescribe('examples/build-with-secrets.ts', function (services) {
  this.timeout(120_000);
  const token = randomBytes(16).toString('hex');
  let workspace: Workspace;
  let server: Server;
  let url = '';
  before(async () => {
    workspace = await makeWorkspace();
    server = createServer((request, response) => {
      const isKnown = request.headers.authorization === `Bearer ${token}`;
      response.writeHead(isKnown ? 200 : 401).end('{"private":true}\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data.json`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await workspace.remove();
  });

  it('downloads with a token that is in no layer and no config', async () => {
    const reference = `${services.registry}/e2e/private:1`;
    const program = join(repositoryRoot, 'examples/build-with-secrets.ts');
    const { status, stdout, stderr } = await runNode([...typescript, program, reference, url], {
      cwd: repositoryRoot,
      env: {
        HOME: workspace.dir,
        DOCKER_HOST: services.dockerHost,
        MABUILD_CACHE: workspace.cache,
        TMPDIR: workspace.temporary,
        DOWNLOAD_TOKEN: token,
      },
    });
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
    expect(stdout).to.match(/@sha256:[0-9a-f]{64}\n$/);
    for (const image of await publishedImages(reference)) {
      const config = JSON.stringify(image.config);
      expect(config).to.contain(url);
      expect(config).to.not.contain(token);
    }
    const judge = dockerJudge(services.dockerHost);
    await judge.pull(reference, 'linux/arm/v7');
    try {
      expect(await judge.run(reference, 'linux/arm/v7')).to.equal('{"private":true}\n');
      expect((await judge.exported(reference, 'linux/arm/v7')).includes(token)).to.equal(false);
    } finally {
      await judge.removeImage(reference);
    }
  });
});
