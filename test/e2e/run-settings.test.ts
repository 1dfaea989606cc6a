import { join } from 'node:path';
import { expect } from 'chai';
import { mabuild } from '../support/cli.ts';
import { findNewerEngines, servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('--add-host, --shm-size and --ulimit', function (services) {
  this.timeout(120_000);
  let workspace: Workspace;
  let context = '';

  before(async () => {
    workspace = await makeWorkspace();
    context = await workspace.context({
      Dockerfile: `FROM busybox
RUN grep example /etc/hosts; df -k /dev/shm | tail -n 1 | grep -o ' [0-9][0-9]* ' | head -n 1; echo "$(ulimit -n) $(ulimit -Hn)"; ip link | grep -c ether
`,
    });
  });
  after(() => workspace.remove());

  const build = (engine: string, dockerHost: string, ...args: readonly string[]) =>
    mabuild(
      [
        ...[
          'build',
          '--engine',
          engine,
          '--mirror',
          `docker.io=${services.mirror}`,
          '--platform',
          'linux/amd64',
        ],
        ...['--no-cache', '--progress', 'plain', '-o', `oci:${join(workspace.dir, 'out')}`, ...args, context],
      ],
      { workspace, env: { DOCKER_HOST: dockerHost } },
    );
  const hosts = ['--add-host', 'four.example:10.1.2.3', '--add-host', 'six.example=[::1]'];
  const limits = ['--shm-size', '32m', '--ulimit', 'nofile=100:200'];
  const newer = findNewerEngines().map(
    ({ host, store }) => ['buildkit', host, ` of a newer engine with ${store}`] as const,
  );

  for (const [engine, dockerHost, of] of [
    ['embedded', services.dockerHost, ''],
    ['classic', services.dockerHost, ''],
    ...newer,
  ] as const)
    it(`reach RUN with ${engine}${of}`, async () => {
      const { status, stderr } = await build(engine, dockerHost, ...hosts, ...limits);
      expect(status, stderr).to.equal(0);
      expect(stderr)
        .to.match(/10\.1\.2\.3\s+four\.example/)
        .and.match(/::1\s+six\.example/)
        .and.match(/ 32768 /)
        .and.match(/ 100 200\n/);
    });

  it('are names only with BuildKit before Docker 23, and the rest is refused', async () => {
    const named = await build('buildkit', services.dockerHost, ...hosts);
    expect(named.status, named.stderr).to.equal(0);
    expect(named.stderr).to.match(/10\.1\.2\.3\s+four\.example/);
    const limited = await build('buildkit', services.dockerHost, ...limits);
    // The machine's engine may be a newer one.
    if (limited.status === 0) expect(limited.stderr).to.match(/ 100 200\n/);
    else expect(limited.stderr).to.match(/ENGINE_TOO_OLD/);
  });

  it('build a step again with the embedded engine', async () => {
    const cached = ['--add-host', 'four.example:10.1.2.4'];
    expect((await build('embedded', services.dockerHost, ...cached)).stderr).to.match(/10\.1\.2\.4/);
    const { stderr } = await build(
      'embedded',
      services.dockerHost,
      '--add-host',
      'four.example:host-gateway',
    );
    expect(stderr).to.match(/127\.0\.0\.1\s+four\.example/);
  });

  it('are joined by --network none, which leaves the loopback', async () => {
    const { status, stderr } = await build('embedded', services.dockerHost, '--network', 'none', ...hosts);
    expect(status, stderr).to.equal(1);
    expect(stderr).to.match(/\n\[linux\/amd64\] +0\n/);
  });
});
