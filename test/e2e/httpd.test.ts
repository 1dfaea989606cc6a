import { join } from 'node:path';
import { expect } from 'chai';
import { freePort, pause } from '../../scripts/lib/process.mjs';
import { mabuild, mabuildOk, startMabuild } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const platforms = 'linux/amd64,linux/arm64,linux/arm/v7';

servicesDescribe('examples/httpd: build, inspect, verify, run', function (services) {
  this.timeout(120_000);
  const env = { DOCKER_HOST: services.dockerHost };
  const image = `${services.registry}/e2e/httpd:1`;
  const example = join(repositoryRoot, 'examples/httpd');
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
    await mabuildOk(['build', '--platform', platforms, '--push', '-t', image, example], { workspace, env });
  });
  after(() => workspace.remove());

  it('migrate shows the rewriting as a diff and leaves the file alone', async () => {
    const result = await mabuildOk(
      ['migrate', '--platform', 'linux/arm/v7', '--style', 'per-arch', join(example, 'Dockerfile')],
      { workspace, env },
    );
    expect(result.stdout).to.match(/^-FROM busybox$/m);
    expect(result.stdout).to.match(/^\+FROM --platform=linux\/arm\/v7 arm32v7\/busybox$/m);
  });

  it('inspect has all platforms, and says when one is missing', async () => {
    const all = await mabuildOk(['inspect', '--format', 'json', '--require', platforms, image], {
      workspace,
      env,
    });
    expect(
      JSON.parse(all.stdout)
        .images.map((entry: { platform: string }) => entry.platform)
        .sort(),
    ).to.deep.equal(platforms.split(',').sort());
    const missing = await mabuild(['inspect', '--require', 'linux/s390x', image], { workspace, env });
    expect(missing.status).to.equal(1);
    expect(missing.stderr).to.include('linux/s390x');
  });

  it('verify finds nothing wrong', async () => {
    const result = await mabuildOk(['verify', '--format', 'json', image], { workspace, env });
    expect(JSON.parse(result.stdout).ok).to.equal(true);
  });

  it('run gives the exit code and output of the program', async () => {
    const done = await mabuildOk(['run', '--platform', 'linux/arm/v7', image, '--', 'uname', '-m'], {
      workspace,
      env,
    });
    expect(done.stdout).to.equal('armv7l\n');
    const failed = await mabuild(['run', '--platform', 'linux/arm64', image, '--', 'sh', '-c', 'exit 9'], {
      workspace,
      env,
    });
    expect(failed.status).to.equal(9);
  });

  it('run serves the page of the arm/v7 image until Ctrl-C', async () => {
    const port = await freePort();
    const running = startMabuild(
      [
        'run',
        '--platform',
        'linux/arm/v7',
        image,
        '--',
        'httpd',
        '-f',
        '-p',
        `127.0.0.1:${port}`,
        '-h',
        '/www',
      ],
      { workspace, env },
    );
    const page = await Promise.race([
      fetchPage(`http://127.0.0.1:${port}/`),
      running.ended.then((result) => expect.fail(`ended with ${result.status}: ${result.stderr}`)),
    ]);
    expect(page).to.include('armv7l');
    running.interrupt();
    expect((await running.ended).status).to.equal(130);
    expect(await dockerJudge(services.dockerHost).containers()).to.deep.equal([]);
  });
});

async function fetchPage(url: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (attempt === 100) throw error;
      await pause(200);
    }
  }
}
