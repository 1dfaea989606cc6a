import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, type ImageIndex, mediaTypes } from '@mabuild/oci';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { type CliAnswer, runCli } from '../support/cli-run.ts';
import { makePlatform, onlyImage, publish } from '../support/published.ts';
import { servicesDescribe } from '../support/services.ts';
import { copyAll, digestOfTag, inspectRaw, publishedImages } from '../support/skopeo.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] as const;
const plain = ['--src-tls-verify=false', '--dest-tls-verify=false', '--quiet'];

servicesDescribe('indexes in real registries', function (services) {
  this.timeout(60_000);
  const { registry, authRegistry, user, password } = services;
  const space = `index-${process.pid}`;
  const app = `${registry}/${space}/app`;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-index-'));
    for (const platform of platforms) {
      await publish(await onlyImage(makePlatform(platform)), `${app}:${tagOf(platform)}`);
    }
    const auth = Buffer.from(`${user}:${password}`).toString('base64');
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { [authRegistry]: { auth } } }));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  function tagOf(platform: string): string {
    return platform.replaceAll('/', '-');
  }

  async function mabuild(...argv: readonly string[]): Promise<CliAnswer> {
    const answer = await runCli(directory, argv, { DOCKER_CONFIG: directory });
    expect(answer.code, answer.stderr).to.equal(0);
    return answer;
  }

  /** What skopeo says of an index, and that it can copy all of it without touching a digest. */
  async function judged(reference: string): Promise<ImageIndex> {
    const raw = await inspectRaw(reference);
    const copied = `${registry}/${space}/judged:${Math.random().toString(36).slice(2)}`;
    const all = ['copy', ...plain, '--all', '--preserve-digests'];
    await run('skopeo', [...all, `docker://${reference}`, `docker://${copied}`]);
    expect(await digestOfTag(copied)).to.equal(digestOf(raw));
    for (const image of await publishedImages(copied)) expect(image.listed).to.equal(image.configured);
    return JSON.parse(raw);
  }

  it('skopeo reads what create wrote, byte for byte', async () => {
    const { stdout } = await mabuild(
      ...['index', 'create', '--annotation', 'title=app', '-t', `${app}:1`],
      ...platforms.map((platform) => `${app}:${tagOf(platform)}`),
    );
    expect(stdout).to.equal(`${app}:1@${await digestOfTag(`${app}:1`)}\n`);
    const index = await judged(`${app}:1`);
    expect(index.mediaType).to.equal(mediaTypes.ociIndex);
    expect(index.annotations).to.deep.equal({ title: 'app' });
    expect((await publishedImages(`${app}:1`)).map(({ listed }) => listed)).to.deep.equal([...platforms]);
  });

  it('skopeo reads what add, remove and annotate made of it', async () => {
    const edited = `${registry}/${space}/edited:1`;
    await mabuild('index', 'add', edited, `${app}:${tagOf('linux/amd64')}`);
    await mabuild(
      'index',
      'add',
      edited,
      `${app}:${tagOf('linux/arm64')}`,
      `${app}:${tagOf('linux/arm/v7')}`,
    );
    await mabuild('index', 'annotate', edited, '--platform', 'linux/arm/v7', 'board=pi');
    await mabuild('index', 'remove', edited, '--platform', 'linux/amd64');
    const { manifests } = await judged(edited);
    expect(manifests.map(({ annotations }) => annotations)).to.deep.equal([undefined, { board: 'pi' }]);
    expect((await publishedImages(edited)).map(({ listed }) => listed)).to.deep.equal(platforms.slice(1));
  });

  it("makes Docker's list of what skopeo wrote in Docker's format, and refuses to mix unless told", async () => {
    const docker = `${registry}/${space}/docker`;
    for (const platform of platforms) {
      const [from, to] = [`${app}:${tagOf(platform)}`, `${docker}:${tagOf(platform)}`];
      await run('skopeo', ['copy', ...plain, '--format', 'v2s2', `docker://${from}`, `docker://${to}`]);
    }
    const sources = platforms.map((platform) => `${docker}:${tagOf(platform)}`);
    await mabuild('index', 'create', '-t', `${docker}:1`, ...sources);
    expect((await judged(`${docker}:1`)).mediaType).to.equal(mediaTypes.dockerManifestList);
    const mixed = [`${app}:${tagOf('linux/amd64')}`, ...sources.slice(1)];
    const refused = await runCli(directory, ['index', 'create', '-t', `${docker}:mixed`, ...mixed]);
    expect(refused.stderr).to.match(/MIXED_MEDIA_TYPES[\s\S]*--index-type oci/);
    await mabuild('index', 'create', '--index-type', 'oci', '-t', `${docker}:mixed`, ...mixed);
    expect((await judged(`${docker}:mixed`)).mediaType).to.equal(mediaTypes.ociIndex);
  });

  it('takes what skopeo wrote to archives and layouts, and reads it from a registry with a password', async () => {
    const [layout, archive] = [join(directory, 'layout'), join(directory, 'arm.tar')];
    await run('skopeo', ['copy', ...plain, `docker://${app}:linux-amd64`, `oci:${layout}:x`]);
    await run('skopeo', ['copy', ...plain, `docker://${app}:linux-arm-v7`, `docker-archive:${archive}`]);
    const there = `${authRegistry}/${space}/app:1`;
    await mabuild('index', 'create', '-t', there, `oci:${layout}:x`, `${app}:linux-arm64`);
    await mabuild(
      'index',
      'create',
      '--index-type',
      'oci',
      '-t',
      `${app}:back`,
      there,
      `docker-archive:${archive}`,
    );
    await judged(`${app}:back`);
    expect((await publishedImages(`${app}:back`)).map(({ listed }) => listed)).to.deep.equal([...platforms]);
    expect((await mabuild('verify', `${app}:back`)).code).to.equal(0);
  });

  it('skopeo reads what merge joined of three runners', async () => {
    const digests = join(directory, 'digests');
    await mkdir(digests);
    for (const platform of platforms) {
      const digest = await publish(
        await onlyImage(makePlatform(platform, 'merged')),
        `${registry}/${space}/runner`,
      );
      await writeFile(join(digests, String(digest.split(':')[1])), '');
    }
    const merged = `${registry}/${space}/merged:1`;
    await mabuild('merge', '-t', merged, '--from', `${registry}/${space}/runner`, '--digests', digests);
    await judged(merged);
    await copyAll(merged, join(directory, 'copied'));
    expect((await publishedImages(merged)).map(({ listed }) => listed)).to.have.members([...platforms]);
  });

  it('merges what builds of one platform each pushed by digest', async () => {
    const context = join(directory, 'context');
    const digests = join(directory, 'built');
    await Promise.all([mkdir(context), mkdir(digests)]);
    await writeFile(
      join(context, 'Dockerfile'),
      'FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /from-$TARGETARCH\n',
    );
    const built = `${registry}/${space}/built`;
    for (const platform of platforms) {
      const push = ['--push', '--push-by-digest', '-t', built, '--platform', platform];
      const note = ['--metadata-file', join(digests, `${tagOf(platform)}.json`)];
      const answer = await runCli(directory, ['build', ...push, ...note, context], {
        DOCKER_CONFIG: directory,
        DOCKER_HOST: services.dockerHost,
      });
      expect(answer.code, answer.stderr).to.equal(0);
    }
    await mabuild('merge', '-t', `${built}:1`, '--digests', digests, '--require', platforms.join(','));
    await judged(`${built}:1`);
    expect((await publishedImages(`${built}:1`)).map(({ listed }) => listed)).to.have.members([...platforms]);
  });

  it('flattens the list that buildah made', async () => {
    const list = `${registry}/${space}/buildah:1`;
    const name = `mabuild-${process.pid}`;
    const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')];
    const buildah = (...args: string[]) => run('buildah', [...storage, '--storage-driver', 'vfs', ...args]);
    await buildah('manifest', 'create', name);
    for (const platform of platforms.slice(0, 2)) {
      await buildah('manifest', 'add', '--tls-verify=false', name, `docker://${app}:${tagOf(platform)}`);
    }
    await buildah('manifest', 'push', '--all', '--tls-verify=false', name, `docker://${list}`);
    await mabuild('index', 'create', '-t', `${app}:whole`, list, `${app}:linux-arm-v7`);
    expect((await publishedImages(`${app}:whole`)).map(({ listed }) => listed)).to.deep.equal([...platforms]);
    await judged(`${app}:whole`);
  });
});
