import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { startCountingProxy } from '../support/fault-proxy.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const files = 10_000;
const fileSize = 15_000;

servicesDescribe('a large context', function (services) {
  this.timeout(240_000);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  it(`of ${files} files and ${(files * fileSize) / 1e6} MB crosses once for three platforms`, async () => {
    const context = await largeContext(workspace);
    const proxy = await startCountingProxy(services.dockerHost, join(workspace.dir, 'engine.sock'));
    const image = `${services.registry}/e2e/large-context:1`;
    try {
      await mabuildOk(
        [
          ...['build', '--engine', 'buildkit', '--platform', 'linux/amd64,linux/arm64,linux/arm/v7'],
          ...['--push', '-t', image, context],
        ],
        { workspace, env: { DOCKER_HOST: proxy.dockerHost } },
      );
    } finally {
      await proxy.close();
    }
    // Names, modes and frames come on top of the content; a second crossing would double it.
    expect(proxy.sent()).to.be.within(files * fileSize, files * fileSize * 1.2);
    const judge = dockerJudge(services.dockerHost);
    for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7']) {
      await judge.pull(image, platform);
      expect((await judge.run(image, platform)).trim()).to.equal(`${files} files`);
      await judge.removeImage(image);
    }
  });
});

async function largeContext(workspace: Workspace): Promise<string> {
  const context = await workspace.context({
    Dockerfile: [
      'FROM busybox AS all',
      'COPY data /data',
      'RUN echo "$(find /data -type f | wc -l) files" > /count',
      'FROM busybox',
      'COPY --from=all /count /count',
      'CMD ["cat", "/count"]',
      '',
    ].join('\n'),
  });
  for (let folder = 0; folder < 100; folder++) {
    const path = join(context, 'data', String(folder));
    await mkdir(path, { recursive: true });
    const names = Array.from({ length: files / 100 }, (_, index) => join(path, `${index}.bin`));
    await Promise.all(names.map((name) => writeFile(name, randomBytes(fileSize))));
  }
  return context;
}
