import { applyEdits } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { portableEdits } from '../../packages/core/src/fixes/portable.ts';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { publishedImages } from '../support/skopeo.ts';
import { readMarked } from '../support/variations.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** What the portable style has to put together: a `case`, TARGETARCH, stages, a number of a stage, CMD and ENTRYPOINT; BuildKit's own checks are on. */
const source = `# check=error=true
FROM busybox
RUN echo «x64» > /run.txt
ENV NAME=«x64» \\
    GO=«amd64»
COPY «x64».txt /copied.txt
RUN <<EOF
set -e
echo "$NAME $GO" '«x64»' > /env.txt
EOF
LABEL arch=«amd64»
CMD ["one", "two"]
USER 1000
ENTRYPOINT ["/bin/echo", "«x64»"]
FROM busybox
SHELL ["/bin/sh", "-euc"]
ARG X=«x64»
COPY --from=0 /*.txt /
RUN echo "$X" '«amd64»' > /last.txt && test -n «x64»
CMD ["cat", "/run.txt", "/env.txt", "/copied.txt", "/last.txt"]
`;

const marked = {
  x64: { arm64: 'aarch64', v7: 'armv7l' },
  amd64: { arm64: 'arm64', v7: 'arm' },
};

const platforms = [
  { platform: 'linux/amd64', name: 'x64', go: 'amd64' },
  { platform: 'linux/arm64', name: 'aarch64', go: 'arm64' },
  { platform: 'linux/arm/v7', name: 'armv7l', go: 'arm' },
];

servicesDescribe('one Dockerfile for every platform', function (services) {
  this.timeout(240_000);
  const judge = dockerJudge(services.dockerHost);
  const { text, dockerfile, variations } = readMarked(source, marked);
  const asked = parsePlatformList(platforms.map(({ platform }) => platform).join(','));
  const portable = applyEdits(text, portableEdits(dockerfile, variations, asked).edits);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  async function context(name: string, content: string): Promise<string> {
    const files = Object.fromEntries(platforms.map((row) => [`${row.name}.txt`, `copied for ${row.name}\n`]));
    return await workspace.context({ Dockerfile: content, ...files }, name);
  }

  async function push(image: string, folder: string, wanted: string, args: readonly string[]): Promise<void> {
    await mabuildOk(['build', '--platform', wanted, '--push', '-t', image, ...args, folder], {
      workspace,
      env: { DOCKER_HOST: services.dockerHost },
    });
  }

  for (const engine of ['buildkit', 'classic']) {
    it(`${engine}: says on each platform what that platform is`, async () => {
      const image = `${services.registry}/e2e/portable:${engine}`;
      const wanted = platforms.map(({ platform }) => platform).join(',');
      await push(image, await context(engine, portable), wanted, ['--engine', engine]);
      for (const { platform, name, go } of platforms) {
        await judge.pull(image, platform);
        const lines = (await judge.run(image, platform)).trim().split(/\r?\n/);
        expect(lines, platform).to.deep.equal([
          name,
          `${name} ${go} ${name}`,
          `copied for ${name}`,
          `${name} ${go}`,
        ]);
        await judge.removeImage(image);
      }
    });
  }

  it('gives amd64 the config that it had', async () => {
    const first = (content: string): string => content.slice(0, content.lastIndexOf('\nFROM busybox') + 1);
    const configs = [];
    for (const [name, content] of Object.entries({ before: first(text), after: first(portable) })) {
      const image = `${services.registry}/e2e/portable-config:${name}`;
      await push(image, await context(name, content), 'linux/amd64,linux/arm64', ['--engine', 'buildkit']);
      const images = await publishedImages(image);
      configs.push(images.find(({ listed }) => listed === 'linux/amd64')?.config.config);
    }
    expect(configs[0]).to.have.property('Cmd');
    expect(configs[1]).to.deep.equal(configs[0]);
  });

  it('stops where nothing is known, and says so', async () => {
    const unknown = readMarked('FROM busybox\nENV A=«x64»\nRUN echo «x64»\n', {
      x64: { arm64: 'aarch64' },
    });
    const { edits } = portableEdits(unknown.dockerfile, unknown.variations, asked);
    const folder = await context('unknown', applyEdits(unknown.text, edits));
    const result = await mabuild(
      ['build', '--engine', 'buildkit', '--platform', 'linux/arm/v7', '-o', `oci:${folder}/out`, folder],
      { workspace, env: { DOCKER_HOST: services.dockerHost } },
    );
    expect(result.status).to.not.equal(0);
    expect(result.stderr).to.include('unsupported platform: linux/arm/v7');
  });
});
