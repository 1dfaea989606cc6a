import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { mabuildOk, startMabuild } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { servicesDescribe } from '../support/services.ts';
import { digestOfTag } from '../support/skopeo.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('Ctrl-C', function (services) {
  this.timeout(120_000);
  const judge = dockerJudge(services.dockerHost);
  const env = { DOCKER_HOST: services.dockerHost };
  let workspace: Workspace;

  beforeEach(async () => {
    workspace = await makeWorkspace();
  });
  afterEach(() => workspace.remove());

  for (const engine of ['classic', 'buildkit']) {
    it(`during RUN leaves no container, no tag and no file (${engine})`, async () => {
      const image = `${services.registry}/e2e/interrupted:${engine}`;
      // A duration of its own makes the process findable.
      const seconds = 100_000 + (process.pid % 100_000) + (engine === 'classic' ? 0 : 1);
      const context = await workspace.context({
        Dockerfile: `FROM busybox\nRUN echo asleep; sleep ${seconds}\n`,
      });
      const running = startMabuild(
        [
          'build',
          '--engine',
          engine,
          '--progress',
          'plain',
          '--platform',
          'linux/amd64,linux/arm/v7',
          '--push',
          '-t',
          image,
          context,
        ],
        { workspace, env },
      );
      await running.waitFor(/asleep$/m);
      running.interrupt();
      const result = await running.ended;
      expect(result.status, result.stderr).to.equal(130);
      await eventually(async () => expect(await sleepers(seconds)).to.deep.equal([]));
      await eventually(async () => expect(await judge.containers()).to.deep.equal([]));
      expect(await digestOfTag(image)).to.equal(undefined);
      expect(await workspace.leftovers()).to.deep.equal([]);
    });
  }

  it('during push moves no tag and leaves no open upload and no file', async () => {
    const repository = 'e2e/interrupted-push';
    const image = `${services.registry}/${repository}:1`;
    const first = await workspace.context(
      { Dockerfile: 'FROM busybox\nCOPY file /\n', file: 'before' },
      'first',
    );
    await mabuildOk(['build', '--push', '-t', image, first], { workspace, env });
    const before = await digestOfTag(image);

    let stalled: (() => void) | undefined;
    const uploading = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    const proxy = await startFaultProxy(services.registry, (request) => {
      if (!/^(PUT|PATCH)$/.test(request.method ?? '') || !request.url?.includes('/blobs/uploads/'))
        return undefined;
      stalled?.();
      return { kind: 'stall' };
    });
    try {
      const second = await workspace.context(
        { Dockerfile: 'FROM busybox\nCOPY file /\n', file: randomBytes(8 << 20) },
        'second',
      );
      const running = startMabuild(['build', '--push', '-t', `${proxy.host}/${repository}:1`, second], {
        workspace,
        env,
      });
      await Promise.race([uploading, running.ended.then((result) => expect.fail(result.stderr))]);
      running.interrupt();
      const result = await running.ended;
      expect(result.status, result.stderr).to.equal(130);
    } finally {
      await proxy.close();
    }
    expect(await digestOfTag(image)).to.equal(before);
    expect(await openUploads(services.registryData, repository)).to.deep.equal([]);
    expect(await workspace.leftovers()).to.deep.equal([]);
    expect(await judge.containers()).to.deep.equal([]);
  });
});

/** Processes of this machine that sleep that long; the test's own engine runs here. */
async function sleepers(seconds: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (line.includes(String(seconds)) && !line.includes('build')) found.push(line.join(' '));
  }
  return found;
}

/** The registry keeps an empty folder of a cancelled upload, but no start of it. */
async function openUploads(data: string, repository: string): Promise<readonly string[]> {
  const uploads = join(data, 'docker/registry/v2/repositories', repository, '_uploads');
  const files = await readdir(uploads, { recursive: true }).catch(() => []);
  return files.filter((file) => /\b(startedat|data)$/.test(file));
}
