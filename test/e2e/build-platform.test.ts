import { expect } from 'chai';
import { mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { publishedImages } from '../support/skopeo.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** A stage on the host's platform, a file of it copied into one for the target, and a stage on nothing. */
const text = `FROM --platform=$BUILDPLATFORM busybox AS host
ARG TARGETARCH
RUN echo "made for $TARGETARCH on $(uname -m)" > /made.txt
FROM busybox AS target
COPY --from=host /made.txt /made.txt
RUN uname -m > /ran.txt
CMD cat /made.txt /ran.txt
FROM scratch AS bare
COPY --from=host /made.txt /
`;

servicesDescribe('a stage on the build platform', function (services) {
  this.timeout(240_000);
  const judge = dockerJudge(services.dockerHost);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  for (const engine of ['classic', 'buildkit']) {
    it(`${engine}: gives its files to stages of each platform`, async () => {
      const folder = await workspace.context({ Dockerfile: text }, engine);
      const image = `${services.registry}/e2e/build-platform:${engine}`;
      const platforms = 'linux/amd64,linux/arm64,linux/arm/v7';
      const args = ['build', '--engine', engine, '--platform', platforms, '--target', 'target'];
      await mabuildOk([...args, '--push', '-t', image, folder], {
        workspace,
        env: { DOCKER_HOST: services.dockerHost },
      });
      for (const [platform, arch, machine] of [
        ['linux/amd64', 'amd64', 'x86_64'],
        ['linux/arm64', 'arm64', 'aarch64'],
        ['linux/arm/v7', 'arm', 'armv7l'],
      ] as const) {
        await judge.pull(image, platform);
        expect(await judge.run(image, platform)).to.equal(`made for ${arch} on x86_64\n${machine}\n`);
        await judge.removeImage(image);
      }
    });

    it(`${engine}: gives its files to a stage on nothing, which has the platform asked for`, async () => {
      const folder = await workspace.context({ Dockerfile: text }, `${engine}-bare`);
      const image = `${services.registry}/e2e/build-platform-bare:${engine}`;
      const platforms = 'linux/amd64,linux/arm64,linux/arm/v7';
      await mabuildOk(['build', '--engine', engine, '--platform', platforms, '--push', '-t', image, folder], {
        workspace,
        env: { DOCKER_HOST: services.dockerHost },
      });
      const images = await publishedImages(image);
      expect(images.map(({ listed }) => listed).sort()).to.deep.equal(platforms.split(',').sort());
      for (const { listed, config } of images)
        expect(config).to.include({ os: 'linux', architecture: listed?.split('/')[1] });
    });
  }
});
