import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { type CacheTrial, cacheTrial, randomContext } from '../support/cache-trial.ts';
import { hasDebs } from '../support/debs.ts';
import { servicesDescribe } from '../support/services.ts';

servicesDescribe('a build cache in a registry', function (services) {
  this.timeout(180_000);
  let trial: CacheTrial;
  before(async function () {
    if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    trial = await cacheTrial({ helper: true });
  });
  after(() => trial?.remove());

  it('has an entry a platform, which others read, and saves RUN on a machine with nothing', async () => {
    const reference = `${services.registry}/caches/app:${randomBytes(4).toString('hex')}`;
    const context = await randomContext();
    const files = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY data /$TARGETARCH\n', data: 'the same' };
    const first = await trial.build('first', context, { cacheTo: [reference] });
    await trial.build('arm', files, { platforms: ['linux/arm64', 'linux/arm/v7'], cacheTo: [reference] });
    const index = JSON.parse(
      await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]),
    ) as { manifests: { platform: { architecture: string } }[] };
    expect(index.manifests.map(({ platform }) => platform.architecture)).to.have.members([
      ...['amd64', 'arm64', 'arm'],
    ]);
    const second = await trial.build('second', context, { cacheFrom: [reference] });
    expect(second.warnings).to.deep.equal([]);
    expect(second.digest).to.equal(first.digest);
    const arm = await trial.build('third', files, {
      ...{ platforms: ['linux/arm/v7', 'linux/arm64'], cacheFrom: [reference], cacheTo: [reference] },
    });
    expect(arm.cached).to.have.length(2);
    const again = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]);
    expect(JSON.parse(again)).to.deep.equal(index);
  });
});
