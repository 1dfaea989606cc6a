import { expect } from 'chai';
import { pushBaseImages } from '../../scripts/lib/base-images.mjs';
import { cache } from '../../scripts/lib/workspace.mjs';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { digestOfTag, publishedImages } from '../support/skopeo.ts';

/** The ground that the other end-to-end tests stand on. */
servicesDescribe('base images of the tests', function (services) {
  this.timeout(60_000);
  if (services.mirror === undefined) return;
  const mirror = services.mirror.replace(/^http:\/\//, '');
  const judge = dockerJudge(services.dockerHost);
  const machines = {
    'linux/amd64': 'x86_64',
    'linux/arm64/v8': 'aarch64',
    'linux/arm/v7': 'armv7l',
    'linux/arm/v5': 'armv7l',
  };

  it('say the same in the list and in each config', async () => {
    const images = await publishedImages(`${mirror}/library/busybox:latest`);
    expect(images.map((image) => image.listed)).to.deep.equal(Object.keys(machines));
    expect(images.map((image) => image.configured)).to.deep.equal(Object.keys(machines));
  });

  for (const [platform, machine] of Object.entries(machines)) {
    it(`run on ${platform} under docker.io's name, child processes too`, async () => {
      await judge.pull('busybox:latest', platform);
      expect(
        await judge.run('busybox:latest', platform, ['sh', '-c', 'uname -m; ls /etc/passwd | wc -l']),
      ).to.equal(`${machine}\n1\n`);
      await judge.removeImage('busybox:latest');
    });
  }

  it('leave no container', async () => {
    expect(await judge.containers()).to.deep.equal([]);
  });

  it('export like any image', async () => {
    await judge.pull('arm32v7/busybox:latest', 'linux/arm/v7');
    expect(await judge.exportedPaths('arm32v7/busybox:latest', 'linux/arm/v7')).to.include.members([
      'bin/busybox',
      'bin/sh',
      'etc/passwd',
    ]);
    await judge.removeImage('arm32v7/busybox:latest');
  });

  it('have the same digests when they are made again', async () => {
    const before = await digestOfTag(`${mirror}/library/busybox:latest`);
    await pushBaseImages({ registry: services.mirror ?? '', cache });
    expect(await digestOfTag(`${mirror}/library/busybox:latest`)).to.equal(before);
  });

  it('are missing under other names', async () => {
    expect(await digestOfTag(`${mirror}/library/busybox:no-such-tag`)).to.equal(undefined);
  });
});
