import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../../scripts/lib/run.mjs';
import { runCli } from '../../support/cli-run.ts';
import { dockerJudge } from '../../support/docker.ts';
import { pushBase, writeContext } from '../../support/embedded-builds.ts';
import { servicesDescribe } from '../../support/services.ts';
import { copyAll, publishedImages } from '../../support/skopeo.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

servicesDescribe('embedded: what it writes is read by others', function (services) {
  this.timeout(60_000);
  const judge = dockerJudge(services.dockerHost);
  let work = '';
  const registry = services.registry;
  /** No engine answers here. */
  const nowhere = { PATH: '/nowhere', XDG_RUNTIME_DIR: '/nowhere' };
  const context = (name: string): string => join(work, name);

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-outputs-'));
    await pushBase(`${registry}/embedded/outputs:base`, { Env: ['PATH=/bin'] });
    await writeContext(context('scratch'), {
      Dockerfile:
        'FROM scratch\nARG TARGETARCH\nENV FOR=$TARGETARCH\nCOPY --chmod=0640 data /data/\nLABEL a=b\n',
      data: 'the same for all platforms',
    });
    await writeContext(context('based'), {
      Dockerfile: `FROM ${registry}/embedded/outputs:base\nCOPY data /opt/\nCMD ["/opt/tool"]\n`,
      data: 'on a base',
    });
    await writeContext(context('runs'), {
      Dockerfile: `FROM ${registry}/embedded/outputs:base\nCOPY data /\nRUN make\n`,
      data: 'x',
    });
  });
  after(() => rm(work, { recursive: true, force: true }));

  const build = (name: string, ...args: readonly string[]) =>
    runCli(work, ['build', '--engine', 'embedded', '--quiet', ...args, context(name)], nowhere);

  it('writes a layout of several platforms that skopeo reads and copies', async () => {
    const layout = join(work, 'layout');
    const { code, stdout, stderr } = await build(
      'scratch',
      ...['--platform', platforms.join(), '-o', `oci:${layout}`, '-t', 'app:1'],
    );
    expect(code, stderr).to.equal(0);
    const raw = await run('skopeo', ['inspect', '--raw', `oci:${layout}`]);
    const index = JSON.parse(raw) as { manifests: { platform: { architecture: string } }[] };
    expect(index.manifests.map(({ platform }) => platform.architecture)).to.deep.equal([
      'amd64',
      'arm64',
      'arm',
    ]);
    expect(stdout.trim()).to.match(/^sha256:[0-9a-f]{64}$/);
    await run('skopeo', ['copy', '--quiet', '--all', `oci:${layout}`, `dir:${join(work, 'copied')}`]);
    const configs = await Promise.all(
      ['amd64', 'arm64', 'arm'].map(async (architecture) =>
        JSON.parse(
          await run('skopeo', ['--override-arch', architecture, 'inspect', '--config', `oci:${layout}`]),
        ),
      ),
    );
    expect(configs.map(({ config }) => config.Env[1])).to.deep.equal(['FOR=amd64', 'FOR=arm64', 'FOR=arm']);
    expect(new Set(configs.map(({ rootfs }) => rootfs.diff_ids[0])).size).to.equal(1);
  });

  it('pushes what skopeo copies whole', async () => {
    const name = `${registry}/embedded/outputs:pushed`;
    const { code, stderr } = await build('scratch', '--platform', platforms.join(), '--push', '-t', name);
    expect(code, stderr).to.equal(0);
    const images = await publishedImages(name);
    expect(images.map(({ listed }) => listed)).to.deep.equal(platforms);
    expect(images.map(({ configured }) => configured)).to.deep.equal(platforms);
    await copyAll(name, join(work, 'pushed'));
  });

  it('pushes on a base whose blobs stay as they are, and dockerd unpacks it', async () => {
    const name = `${registry}/embedded/outputs:based`;
    const { code, stderr } = await build('based', '--platform', 'linux/amd64', '--push', '-t', name);
    expect(code, stderr).to.equal(0);
    const raw = async (reference: string) =>
      JSON.parse(await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]));
    const [base, image] = [await raw(`${registry}/embedded/outputs:base`), await raw(name)];
    expect(image.layers.slice(0, 2).map(({ digest }: { digest: string }) => digest)).to.deep.equal(
      base.layers.map(({ digest }: { digest: string }) => digest),
    );
    await judge.pull(name, 'linux/amd64');
    try {
      expect(await judge.exportedPaths(name, 'linux/amd64')).to.include.members(['opt/data', 'opt/tool']);
    } finally {
      await judge.removeImage(name);
    }
  });

  it('writes archives that skopeo reads', async () => {
    for (const [output, transport] of [
      ['oci-archive', 'oci-archive'],
      ['docker-archive', 'docker-archive'],
    ]) {
      const file = join(work, `${output}.tar`);
      const { code, stderr } = await build(
        'based',
        '--platform',
        'linux/amd64',
        '-o',
        `${output}:${file}`,
        '-t',
        'app:2',
      );
      expect(code, stderr).to.equal(0);
      const config = JSON.parse(await run('skopeo', ['inspect', '--config', `${transport}:${file}`]));
      expect(config.config.Cmd).to.deep.equal(['/opt/tool']);
    }
  });

  it('takes images by names that --build-context gives them', async () => {
    const image = `docker-image://${registry}/embedded/outputs:base`;
    await writeContext(context('named'), {
      Dockerfile: 'FROM my-base\nCOPY --from=other /opt/tool /copied\n',
    });
    const folder = join(work, 'named-files');
    const { code, stderr } = await build(
      'named',
      ...['--platform', 'linux/amd64', '-o', `local:${folder}`],
      ...['--build-context', `my-base=${image}`, '--build-context', `other=${image}`],
    );
    expect(code, stderr).to.equal(0);
    expect(await readFile(join(folder, 'copied'), 'utf8')).to.equal('#!/bin/sh\n');
    expect(await readFile(join(folder, 'srv/new'), 'utf8')).to.equal('new');
  });

  it('writes files', async () => {
    const folder = join(work, 'files');
    const { code, stderr } = await build('scratch', '--platform', 'linux/amd64', '-o', `local:${folder}`);
    expect(code, stderr).to.equal(0);
    expect(await readFile(join(folder, 'data/data'), 'utf8')).to.equal('the same for all platforms');
  });

  it('gives the same index twice with SOURCE_DATE_EPOCH, from caches of their own', async () => {
    const digests: string[] = [];
    for (const cache of ['one', 'two']) {
      const answer = await runCli(
        work,
        [
          'build',
          '--engine',
          'embedded',
          '-q',
          '--platform',
          platforms.join(),
          '-o',
          `oci:${join(work, cache)}`,
          context('scratch'),
        ],
        { ...nowhere, MABUILD_CACHE: join(work, `cache-${cache}`), SOURCE_DATE_EPOCH: '1600000000' },
      );
      expect(answer.code, answer.stderr).to.equal(0);
      digests.push(answer.stdout);
    }
    expect(digests[0]).to.equal(digests[1]);
  });

  it('is chosen when no engine answers', async () => {
    const answer = await runCli(
      work,
      [
        'build',
        '--format',
        'json',
        '--platform',
        'linux/amd64',
        '-o',
        `oci:${join(work, 'auto')}`,
        context('scratch'),
      ],
      nowhere,
    );
    // An engine of this machine, if it has one, comes first.
    if (answer.stdout.includes('buildkit')) return;
    expect(answer.code, answer.stderr).to.equal(0);
    expect(JSON.parse(answer.stdout).images[0].engine).to.equal('embedded');
  });

  const refusals: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['to load', ['--load'], /ENGINE_CANNOT.*-o oci:DIR/s],
    ['a default output', [], /ENGINE_CANNOT.*--push/s],
  ];
  for (const [name, args, message] of refusals) {
    it(`refuses ${name}`, async () => {
      const { code, stderr } = await build('scratch', ...args);
      expect(code).to.equal(3);
      expect(stderr.replaceAll('\n', ' ')).to.match(message);
    });
  }
});
