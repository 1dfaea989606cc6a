import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { copyImage, type Descriptor, digestOf, mediaTypes, parseReference, referrersTag } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { type CliAnswer, runCli } from '../support/cli-run.ts';
import { dockerJudge } from '../support/docker.ts';
import { type MadeImage, makeImage } from '../support/made-image.ts';
import { type Services, servicesDescribe } from '../support/services.ts';
import { copyAll, digestOfTag, listTags, publishedImages } from '../support/skopeo.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

servicesDescribe('copies between real registries', function (services) {
  this.timeout(60_000);
  const { registry, authRegistry, tlsRegistry, tokenRegistry } = services;
  const space = `copy-${process.pid}`;
  const app = `${registry}/${space}/app`;
  let directory: string;
  let image: MadeImage;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-copy-'));
    image = makeImage(
      ...platforms.map((platform) => ({ platform, layers: [[{ path: 'etc/name', content: platform }]] })),
    );
    await push(image, `${app}:1`);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function mabuild(...argv: string[]): Promise<CliAnswer> {
    await writeConfig(directory, services);
    const answer = await runCli(directory, argv, {
      DOCKER_CONFIG: directory,
      DOCKER_HOST: services.dockerHost,
    });
    expect(answer.code, answer.stderr).to.equal(0);
    return answer;
  }

  const others: readonly (readonly [string, string])[] = [
    ['with a password', authRegistry],
    ['with TLS', tlsRegistry],
    ['with tokens', tokenRegistry],
  ];
  for (const [what, host] of others) {
    it(`goes to a registry ${what} and back, digests unchanged`, async () => {
      const there = `${host}/public/${space}/app:1`;
      const copied = await mabuild('copy', '--progress', 'quiet', `${app}:1`, there);
      expect(copied.stdout).to.equal(`${there}@${image.root.digest}\n`);
      await mabuild('copy', '--progress', 'quiet', there, `${app}:back-${host.split(':')[1]}`);
      expect(await digestOfTag(`${app}:back-${host.split(':')[1]}`)).to.equal(image.root.digest);
      await copyAll(`${app}:back-${host.split(':')[1]}`, join(directory, `dir-${host.split(':')[1]}`));
      expect((await mabuild('ls', there.slice(0, -2))).stdout).to.equal('1\n');
      const gone = await mabuild('delete', '--manifest', there);
      expect(gone.stdout).to.equal(`deleted ${there.slice(0, -2)}@${image.root.digest}\n`);
      expect((await mabuild('ls', there.slice(0, -2))).stdout).to.equal('');
    });
  }

  it('copies what skopeo copies: every tag, the same digests', async () => {
    const [ours, theirs] = [`${registry}/${space}/ours`, `${registry}/${space}/theirs`];
    await mabuild('tag', `${app}:1`, 'latest');
    await mabuild('copy', '--progress', 'quiet', '--all-tags', app, ours);
    const tags = await listTags(ours);
    expect(tags).to.have.members(await listTags(app));
    expect((await mabuild('ls', ours)).stdout.trim().split('\n')).to.have.members(tags);
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false', '--quiet', '--all'];
    for (const tag of tags) {
      await run('skopeo', ['copy', ...plain, `docker://${app}:${tag}`, `docker://${theirs}:${tag}`]);
      expect(await digestOfTag(`${ours}:${tag}`)).to.equal(await digestOfTag(`${theirs}:${tag}`));
    }
  });

  it('reads the layout that skopeo wrote, and writes one that skopeo reads', async () => {
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false', '--quiet', '--all'];
    const [theirs, ours] = [join(directory, 'theirs'), join(directory, 'ours')];
    await run('skopeo', ['copy', ...plain, `docker://${app}:1`, `oci:${theirs}:1`]);
    await mabuild('copy', '--progress', 'quiet', `oci:${theirs}:1`, `${app}:from-skopeo`);
    expect(await digestOfTag(`${app}:from-skopeo`)).to.equal(image.root.digest);
    await mabuild('pull', '--progress', 'quiet', `${app}:1`, `oci:${ours}`);
    await run('skopeo', ['copy', ...plain, `oci:${ours}:1`, `docker://${app}:to-skopeo`]);
    expect(await digestOfTag(`${app}:to-skopeo`)).to.equal(image.root.digest);
    await mabuild('pull', '--progress', 'quiet', `${app}:1`, `oci-archive:${ours}.tar`);
    await run('skopeo', ['copy', ...plain, `oci-archive:${ours}.tar:1`, `docker://${app}:archive`]);
    expect(await digestOfTag(`${app}:archive`)).to.equal(image.root.digest);
  });

  it('makes a subset that skopeo copies whole', async () => {
    const some = `${app}:some`;
    await mabuild('copy', '--progress', 'quiet', '--platform', 'linux/arm64,linux/arm/v7', `${app}:1`, some);
    const images = await publishedImages(some);
    expect(images.map(({ listed }) => listed)).to.deep.equal(platforms.slice(1));
    await copyAll(some, join(directory, 'some'));
  });

  it('writes a docker-archive that skopeo and the engine read, and pulls into the engine', async () => {
    const judge = dockerJudge(services.dockerHost);
    const file = join(directory, 'one.tar');
    const name = `${space}.example/app:1`;
    await mabuild(
      'pull',
      '--progress',
      'quiet',
      '--platform',
      'linux/arm64',
      `${app}:1`,
      `docker-archive:${file}`,
    );
    const inspected = await run('skopeo', ['inspect', '--config', `docker-archive:${file}`]);
    expect(JSON.parse(inspected)).to.include({ architecture: 'arm64' });
    await mabuild('pull', '--progress', 'quiet', '--platform', 'linux/amd64', `${app}:1`, `docker:${name}`);
    expect(await judge.tags()).to.include(name);
    await mabuild('copy', '--progress', 'quiet', `docker:${name}`, `${app}:from-engine`);
    const { stdout } = await mabuild('config', `${app}:from-engine`);
    expect(JSON.parse(stdout)).to.include({ architecture: 'amd64' });
    await judge.removeImage(name);
  });

  it('carries a Helm chart, a signature under its tag, and referrers without the API', async () => {
    const [from, to] = [`${registry}/${space}/artifacts`, `${registry}/${space}/artifacts-copied`];
    await push(image, `${from}:1`);
    const chart = await putArtifact(`${from}:chart`, {
      config: ['application/vnd.cncf.helm.config.v1+json', '{"name":"chart"}'],
      layer: ['application/vnd.cncf.helm.chart.content.v1.tar+gzip', 'chart'],
    });
    const signatureTag = `${image.root.digest.replace(':', '-')}.sig`;
    const signature = await putArtifact(`${from}:${signatureTag}`, {
      config: [mediaTypes.ociConfig, '{"os":"","architecture":"","rootfs":{"type":"layers","diff_ids":[]}}'],
      layer: ['application/vnd.dev.cosign.simplesigning.v1+json', '{}'],
    });
    await mabuild('copy', '--progress', 'quiet', '--all-tags', from, to);
    expect(await digestOfTag(`${to}:chart`)).to.equal(chart.digest);
    expect(await digestOfTag(`${to}:${signatureTag}`)).to.equal(signature.digest);
    expect((await mabuild('inspect', `${to}:chart`)).stdout).to.include('vnd.cncf.helm.config');

    const sbom = await putArtifact(`${from}:sbom`, {
      config: ['application/vnd.example.sbom', '{}'],
      layer: ['application/spdx+json', '{"sbom":true}'],
      subject: image.root,
    });
    const signed = ['copy', '--progress', 'quiet', '--referrers', '--format', 'json'];
    const answer = JSON.parse((await mabuild(...signed, `${from}:1`, `${to}:signed`)).stdout);
    expect(answer).to.include({ referrers: 1 });
    expect(await digestOfTag(`${to}:${referrersTag(image.root.digest)}`)).to.not.equal(undefined);
    const again = JSON.parse((await mabuild(...signed, `${to}:signed`, `oci:${directory}/signed`)).stdout);
    expect(again).to.include({ referrers: 1 });
    const back = await mabuild('manifest', `${to}@${sbom.digest}`);
    expect(JSON.parse(back.stdout)).to.have.nested.property('subject.digest', image.root.digest);
  });

  it('deletes a manifest, and never instead of a tag', async () => {
    const gone = `${registry}/${space}/gone`;
    await push(image, `${gone}:1`);
    const refused = await runCli(directory, ['delete', `${gone}:1`]);
    expect(refused.code).to.equal(3);
    expect(refused.stderr).to.match(/the registry cannot delete a tag alone/);
    const answer = await mabuild('delete', '--manifest', `${gone}:1`);
    expect(answer.stderr).to.match(
      /warning: the tag of it went too: 1\nwarning: the index named 3 manifests/,
    );
    expect(await digestOfTag(`${gone}:1`)).to.equal(undefined);
    expect((await mabuild('ls', gone)).stdout).to.equal('');
  });

  it('writes blobs and documents as they are stored', async () => {
    const config = (await mabuild('config', '--platform', 'linux/arm64', `${app}:1`)).bytes;
    const { bytes } = await mabuild('blob', `${app}@${digestOf(config)}`);
    expect(bytes.equals(config)).to.equal(true);
    const manifest = (await mabuild('manifest', `${app}:1`)).bytes;
    expect(digestOf(manifest)).to.equal(image.root.digest);
    expect((await mabuild('catalog', registry)).stdout.split('\n')).to.include(`${space}/app`);
  });
});

async function push(image: MadeImage, name: string): Promise<void> {
  const reference = parseReference(name);
  const client = createRegistryClient();
  try {
    await copyImage(image, client.sink(reference), { tags: [reference.tag ?? 'latest'] });
  } finally {
    await client.close();
  }
}

interface ArtifactRecipe {
  /** Media type and content. */
  readonly config: readonly [string, string];
  readonly layer: readonly [string, string];
  readonly subject?: Descriptor;
}

async function putArtifact(name: string, { config, layer, subject }: ArtifactRecipe): Promise<Descriptor> {
  const reference = parseReference(name);
  const client = createRegistryClient();
  try {
    const sink = client.sink(reference);
    const put = async ([mediaType, text]: readonly [string, string]): Promise<Descriptor> => {
      const bytes = Buffer.from(text);
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      await sink.put(descriptor, async () => Readable.from([bytes], { objectMode: false }));
      return descriptor;
    };
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: await put(config),
      layers: [await put(layer)],
      ...(subject && { subject }),
    };
    const manifest = await put([mediaTypes.ociManifest, JSON.stringify(document)]);
    await sink.tag(reference.tag ?? 'latest', manifest);
    if (subject) await sink.refer?.(subject, [manifest]);
    return manifest;
  } finally {
    await client.close();
  }
}

/** Who signs in where, and whose certificate is trusted. */
async function writeConfig(directory: string, services: Services): Promise<void> {
  const { authRegistry, tlsRegistry, tokenRegistry, user, password, tlsCertificate } = services;
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  const auths = Object.fromEntries(
    [authRegistry, tlsRegistry, tokenRegistry].map((host) => [host, { auth }]),
  );
  await writeFile(join(directory, 'config.json'), JSON.stringify({ auths }));
  const registries = { [tlsRegistry]: { ca: tlsCertificate } };
  await writeFile(join(directory, 'mabuild.config.json'), JSON.stringify({ registries }));
}
