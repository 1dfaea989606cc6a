import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { expect } from 'chai';
import { run, which } from '../../scripts/lib/run.mjs';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { debTree } from '../support/debs.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { copyAll, digestOfTag, publishedImages } from '../support/skopeo.ts';
import { entriesOf, makeTar, type TarInput } from '../support/tar.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const rows = [
  { debian: 'amd64', platform: 'linux/amd64', machine: 'x86_64', pack: 'plain' },
  { debian: 'arm64', platform: 'linux/arm64', machine: 'aarch64', pack: 'gzip' },
  { debian: 'armhf', platform: 'linux/arm/v7', machine: 'armv7l', pack: 'xz' },
] as const;

servicesDescribe('import', function (services) {
  this.timeout(180_000);
  const env = { DOCKER_HOST: services.dockerHost, SOURCE_DATE_EPOCH: '1700000000' };
  const judge = dockerJudge(services.dockerHost);
  const tagOf = (debian: string): string => `${services.registry}/e2e/import:${debian}`;
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
    for (const { debian, pack } of rows) await packed(debian, pack);
    await packed('armel', 'gzip');
  });
  after(() => workspace.remove());

  /** A small Debian: busybox for everything, and a program that needs the loader and the C library. */
  async function packed(debian: string, pack: 'plain' | 'gzip' | 'xz'): Promise<void> {
    const entries: TarInput[] = [];
    for (const name of ['base-files', 'busybox-static', 'libc6', 'libgcc-s1', 'hello']) {
      entries.push(...(await entriesOf(await debTree(name, debian))));
    }
    const links = ['sh', 'uname', 'cat', 'ls'].map((name) => ({ path: `bin/${name}`, symlink: 'busybox' }));
    const devices = [
      { path: 'dev', folder: true as const },
      { path: 'dev/null', type: '3' },
    ];
    const file = fileOf(debian);
    const all = new Map([...entries, ...links, ...devices].map((entry) => [entry.path, entry]));
    await writeFile(file, makeTar([...all.values()]));
    if (pack === 'gzip') {
      await pipeline(createReadStream(file), createGzip(), createWriteStream(`${file}.gz`));
    } else if (pack === 'xz' && (await which('xz')) !== undefined) {
      await run('xz', ['-k', '-1', file]);
    }
  }

  function fileOf(debian: string): string {
    return join(workspace.dir, `${debian}.tar`);
  }

  for (const { debian, platform, machine, pack } of rows) {
    it(`makes a ${pack} tar of Debian's ${debian} an image of ${platform} that runs`, async () => {
      const found = { plain: '', gzip: '.gz', xz: (await which('xz')) === undefined ? '' : '.xz' }[pack];
      const { stdout, stderr } = await mabuildOk(
        ['import', `${debian}.tar${found}`, '-t', tagOf(debian), '--cmd', '["uname", "-m"]'],
        { workspace, env },
      );
      expect(stderr).to.include(`platform: ${platform}, as its programs say`);
      expect(stdout).to.equal(`${tagOf(debian)}@${await digestOfTag(tagOf(debian))}\n`);
      await mabuildOk(['verify', tagOf(debian)], { workspace, env });
      await judge.pull(tagOf(debian), platform);
      expect((await judge.run(tagOf(debian), platform)).trim()).to.equal(machine);
      expect(await judge.run(tagOf(debian), platform, ['hello'])).to.include('Hello, world!');
      await judge.removeImage(tagOf(debian));
      expect(await workspace.leftovers()).to.deep.equal([]);
    });
  }

  it('gives the layer that docker import gives', async () => {
    const name = 'import.example/docker:1';
    await engine('POST', `/images/create?fromSrc=-&repo=import.example/docker&tag=1`, fileOf('amd64'));
    try {
      const theirs = JSON.parse(await engine('GET', `/images/${name}/json`));
      const [ours] = await imagesOf(`${tagOf('amd64')}`);
      expect(theirs.RootFS.Layers).to.deep.equal(ours?.rootfs.diff_ids);
    } finally {
      await judge.removeImage(name);
    }
  });

  it('joins platforms that were imported one by one', async () => {
    const list = `${services.registry}/e2e/import:all`;
    await mabuildOk(['index', 'create', '-t', list, ...rows.map(({ debian }) => tagOf(debian))], {
      workspace,
      env,
    });
    const images = await publishedImages(list);
    expect(images.map(({ listed, configured }) => [listed, configured])).to.deep.equal(
      rows.map(({ platform }) => [platform, platform]),
    );
    await copyAll(list, join(workspace.dir, 'all'));
    await mabuildOk(['verify', list], { workspace, env });
    const { stdout } = await mabuildOk(['verify', '--all-tags', list.replace(':all', '')], {
      workspace,
      env,
    });
    expect(stdout).to.match(/: 4 tags ok\nall: ok \(linux\/amd64, linux\/arm64, linux\/arm\/v7\)\n/);
  });

  it('writes archives that skopeo reads and docker load takes', async () => {
    const importing = (output: string): Promise<unknown> =>
      mabuildOk(['import', 'arm64.tar.gz', '-t', 'import.example/app:1', '-o', output], { workspace, env });
    await importing('docker-archive:docker.tar');
    await importing('oci-archive:oci.tar');
    await importing('oci:layout');
    const archive = join(workspace.dir, 'docker.tar');
    for (const place of [
      `docker-archive:${archive}`,
      `oci-archive:${join(workspace.dir, 'oci.tar')}`,
      `oci:${join(workspace.dir, 'layout')}`,
    ]) {
      const config = JSON.parse(
        await run('skopeo', ['inspect', '--config', '--override-arch', 'arm64', place]),
      );
      expect(config, place).to.include({
        os: 'linux',
        architecture: 'arm64',
        created: '2023-11-14T22:13:20Z',
      });
    }
    expect(await engine('POST', '/images/load', archive)).to.include('Loaded image: import.example/app:1');
    expect(await judge.run('import.example/app:1', 'linux/arm64', ['uname', '-m'])).to.match(/^aarch64/);
    await judge.removeImage('import.example/app:1');
  });

  it('--load puts it into the engine', async () => {
    await mabuildOk(['import', 'armhf.tar', '-t', 'import.example/app:2', '--load'], { workspace, env });
    expect(await judge.run('import.example/app:2', 'linux/arm/v7', ['uname', '-m'])).to.match(/^armv7l/);
    await mabuildOk(['verify', 'docker:import.example/app:2'], { workspace, env });
    await judge.removeImage('import.example/app:2');
  });

  it('takes what docker export gives', async () => {
    await judge.pull(tagOf('arm64'), 'linux/arm64');
    const input = await judge.exported(tagOf('arm64'), 'linux/arm64');
    const tag = `${services.registry}/e2e/import:exported`;
    await mabuildOk(['import', '-', '-t', tag, '--entrypoint', '["uname"]'], { workspace, env, input });
    await judge.removeImage(tagOf('arm64'));
    await judge.pull(tag, 'linux/arm64');
    expect(await judge.run(tag, 'linux/arm64', ['-m'])).to.match(/^aarch64/);
    await judge.removeImage(tag);
  });

  const lies = [
    ['armhf', 'linux/arm64', 'is for linux/arm/v7'],
    ['armel', 'linux/arm/v7', 'is for linux/arm/v5'],
    ['amd64', 'linux/arm64', 'is for linux/amd64'],
    ['armhf', 'linux/arm/v6', 'ARMv7 (elf-cpu)'],
  ] as const;
  for (const [debian, platform, reason] of lies) {
    it(`refuses ${debian} as ${platform}, and publishes nothing`, async () => {
      const tag = `${services.registry}/e2e/import-lie:${debian}`;
      const args = ['import', `${debian}.tar`, '--platform', platform, '-t', tag];
      const { status, stderr } = await mabuild(args, { workspace, env });
      expect(status).to.equal(1);
      expect(stderr).to.include(reason);
      expect(await digestOfTag(tag)).to.equal(undefined);
    });
  }

  async function imagesOf(
    reference: string,
  ): Promise<readonly { rootfs: { diff_ids: readonly string[] } }[]> {
    const args = ['inspect', '--config', '--raw', '--tls-verify=false', `docker://${reference}`];
    return [JSON.parse(await run('skopeo', args))];
  }

  /** Asks the engine as docker would. */
  async function engine(method: string, path: string, file?: string): Promise<string> {
    const body = file === undefined ? undefined : await readFile(file);
    const socketPath = services.dockerHost.replace(/^unix:\/\//, '');
    const headers =
      body === undefined ? {} : { 'content-type': 'application/x-tar', 'content-length': body.length };
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath, method, path, headers }, (response) => {
        text(response).then(resolve, reject);
      });
      asked.on('error', reject).end(body);
    });
  }
});
