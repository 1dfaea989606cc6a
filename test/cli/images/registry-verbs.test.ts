import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, mediaTypes } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type CliAnswer, runCli } from '../../support/cli-run.ts';
import { type RegistryWriter, writeTo } from '../../support/registry-images.ts';

const zeros = `sha256:${'0'.repeat(64)}`;

describe('verbs of registries', () => {
  let directory: string;
  let registry: TestRegistry;
  let app: string;
  let write: RegistryWriter;
  let index: Descriptor;
  let entries: readonly Descriptor[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-verbs-'));
    await start();
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(options: TestRegistryOptions = {}): Promise<void> {
    registry = await startTestRegistry(options);
    app = `${registry.host}/team/app`;
    write = writeTo(registry, 'team/app');
    const base = [write.blob(mediaTypes.ociLayerGzip, 'base')];
    entries = ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7'].map((platform) =>
      write.image(platform, `files of ${platform}`, { base }),
    );
    index = write.index('1', [...entries, write.attestation(entries[1]!)]);
    write.image('linux/amd64', 'plain', { name: 'plain' });
  }
  function run(...argv: string[]): Promise<CliAnswer> {
    return runCli(directory, argv);
  }
  async function ok(...argv: string[]): Promise<CliAnswer> {
    const answer = await run(...argv);
    expect(answer.stderr).to.equal('');
    expect(answer.code).to.equal(0);
    return answer;
  }
  function documentOf({ stdout }: CliAnswer): Record<string, unknown> {
    const document = JSON.parse(stdout);
    expect(document).to.have.property('version', 1);
    return document;
  }
  function requests(): readonly string[] {
    return registry.requests.map(({ method, url }) => `${method} ${url.replace('/v2/team/app/', '')}`);
  }

  describe('ls', () => {
    it('prints a tag a line', async () => {
      expect((await ok('ls', app)).stdout).to.equal('1\nplain\n');
    });
    it('prints JSON', async () => {
      const answer = documentOf(await ok('ls', '--format', 'json', app));
      expect(answer).to.deep.equal({ version: 1, repository: app, tags: ['1', 'plain'] });
    });
    it('prints nothing for a repository without tags', async () => {
      registry.addBlob('team/empty', Buffer.from(''));
      expect((await ok('ls', `${registry.host}/team/empty`)).stdout).to.equal('');
    });
  });

  describe('catalog', () => {
    it('prints a repository a line, or JSON', async () => {
      registry.addManifest('other', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
      expect((await ok('catalog', registry.host)).stdout).to.equal('other\nteam/app\n');
      const answer = documentOf(await ok('catalog', '--format', 'json', registry.host));
      expect(answer.repositories).to.deep.equal(['other', 'team/app']);
    });
  });

  describe('tag', () => {
    it('moves no blob, and looks that the tag is there', async () => {
      const answer = await ok('tag', `${app}:1`, '1.4');
      expect(answer.stdout).to.equal(`${app}:1.4@${index.digest}\n`);
      expect(registry.tagOf('team/app', '1.4')).to.equal(index.digest);
      expect(requests()).to.deep.equal([
        'HEAD manifests/1',
        `GET manifests/${index.digest}`,
        'HEAD manifests/1.4',
        'PUT manifests/1.4',
        'HEAD manifests/1.4',
      ]);
    });
    it('gives a digest a name', async () => {
      const document = documentOf(
        await ok('tag', '--format', 'json', `${app}@${entries[0]!.digest}`, 'amd64'),
      );
      expect(document).to.include({ reference: `${app}:amd64`, digest: entries[0]!.digest });
    });
    it('writes nothing when the tag is there, and moves one that is elsewhere', async () => {
      await ok('tag', `${app}:1`, '1');
      expect(requests().filter((line) => line.startsWith('PUT'))).to.deep.equal([]);
      await ok('tag', `${app}:1`, 'plain');
      expect(registry.tagOf('team/app', 'plain')).to.equal(index.digest);
    });
    it('asks the registry itself, not a mirror that has not heard of the latest', async () => {
      const mirror = await startTestRegistry();
      try {
        writeTo(mirror, 'team/app').image('linux/amd64', 'old', { name: '1' });
        await ok('tag', '--mirror', `${registry.host}=${mirror.url}`, `${app}:1`, 'new');
        expect(registry.tagOf('team/app', 'new')).to.equal(index.digest);
      } finally {
        await mirror.close();
      }
    });
  });

  describe('delete', () => {
    it('deletes a tag, and says what of its index stays', async () => {
      write.index('2', [...entries]);
      const answer = await run('delete', `${app}:1`);
      expect(answer.stdout).to.equal(`deleted ${app}:1\n`);
      expect(answer.stderr).to.equal(
        `warning: ${index.digest} is an index; it and the 4 manifests that it names stay in the repository\n`,
      );
      expect(answer.code).to.equal(0);
      expect(registry.tagOf('team/app', '1')).to.equal(undefined);
      expect(registry.manifest('team/app', index.digest)).to.not.equal(undefined);
    });
    it('deletes the manifest with all its tags when asked to, and says so', async () => {
      await ok('tag', `${app}:1`, 'latest');
      const answer = await run('delete', '--manifest', `${app}:1`);
      expect(answer.stdout).to.equal(`deleted ${app}@${index.digest}\n`);
      expect(answer.stderr).to.equal(
        'warning: 2 tags of it went too: 1, latest\n' +
          'warning: the index named 4 manifests, which stay in the repository\n',
      );
      expect(registry.tagOf('team/app', 'latest')).to.equal(undefined);
    });
    it('deletes by digest; JSON says all', async () => {
      const answer = await run('delete', '--format', 'json', `${app}@${index.digest}`);
      expect(documentOf(answer)).to.deep.equal({
        version: 1,
        deleted: `${app}@${index.digest}`,
        digest: index.digest,
        tags: ['1'],
        children: 4,
      });
    });
    it('says nothing on a plain image', async () => {
      expect((await ok('delete', `${app}:plain`)).stdout).to.equal(`deleted ${app}:plain\n`);
    });
    it('deletes without knowing the tags where they are not told', async () => {
      registry.faults.push({ url: /tags\/list/, status: 403, times: 9 });
      const answer = await run('delete', `${app}@${index.digest}`);
      expect(answer.code).to.equal(0);
      expect(answer.stderr).to.match(
        /^warning: whatever tags sha256:\w+ had went with it; the registry did not tell/,
      );
    });
    it('never deletes the manifest instead of a tag', async () => {
      await registry.close();
      await start({ delete: 'digests' });
      const answer = await run('delete', `${app}:1`);
      expect(answer.code).to.equal(3);
      expect(answer.stderr).to.match(
        /the registry cannot delete a tag alone: DELETE .* answered 405 .*REGISTRY_UNSUPPORTED/,
      );
      expect(answer.stderr).to.match(
        /hint: delete the manifest with every tag of it.*mabuild delete --manifest/,
      );
      expect(registry.tagOf('team/app', '1')).to.equal(index.digest);
    });
  });

  describe('manifest', () => {
    it('prints the very bytes', async () => {
      const answer = await ok('manifest', `${app}:1`);
      expect(answer.bytes).to.deep.equal(registry.manifest('team/app', '1')?.bytes);
    });
    it('prints those of one platform, whatever its name', async () => {
      for (const name of ['linux/arm64', 'linux/arm64/v8', 'arm64']) {
        const answer = await ok('manifest', '--platform', name, `${app}:1`);
        expect(answer.bytes).to.deep.equal(registry.manifest('team/app', entries[1]!.digest)?.bytes);
      }
    });
  });

  describe('config', () => {
    it('prints that of one platform, byte for byte', async () => {
      const answer = await ok('config', '--platform', 'linux/arm/v7', `${app}:1`);
      expect(JSON.parse(answer.stdout)).to.include({ architecture: 'arm', variant: 'v7' });
      expect(answer.stdout.endsWith('}')).to.equal(true);
    });
    it('prints that of the only image', async () => {
      expect(JSON.parse((await ok('config', `${app}:plain`)).stdout)).to.include({ architecture: 'amd64' });
      write.index('single', [entries[2]!, write.attestation(entries[2]!)]);
      expect(JSON.parse((await ok('config', `${app}:single`)).stdout)).to.include({ architecture: 'arm' });
    });
  });

  describe('blob', () => {
    const content = 'x'.repeat(300_000);
    it('writes the very bytes', async () => {
      const { digest } = write.blob('application/x', content);
      expect((await ok('blob', `${app}@${digest}`)).stdout).to.equal(content);
      expect((await ok('blob', `${app}:1@${digest}`)).stdout).to.equal(content);
    });
    it('writes an empty one', async () => {
      const { digest } = write.blob('application/x', '');
      expect((await ok('blob', `${app}@${digest}`)).stdout).to.equal('');
    });
    it('exits 3 when it is damaged, and says how much was written', async () => {
      const { digest } = write.blob('application/x', content);
      registry.faults.push({ method: 'GET', url: /blobs/, damageBody: true });
      const answer = await run('blob', `${app}@${digest}`);
      expect(answer.code).to.equal(3);
      expect(answer.bytes).to.have.length(300_000);
      expect(answer.stderr).to.match(/300000 bytes were written before that was known \(DIGEST_MISMATCH\)/);
      expect(answer.stderr).to.match(/hint: throw away what was written/);
    });
    it('goes on where the connection was cut', async () => {
      const { digest } = write.blob('application/x', content);
      registry.faults.push({ method: 'GET', url: /blobs/, cutBodyAfter: 100_000 });
      const answer = await run('blob', `${app}@${digest}`);
      expect(answer.stdout).to.equal(content);
      expect(answer.code).to.equal(0);
    });
  });

  describe('inspect', () => {
    it('names attestations after what they attest, and counts what is shared', async () => {
      const { stdout } = await ok('inspect', `${app}:1`);
      expect(stdout).to.match(/^linux\/arm64\/v8 +sha256:\w+ /m);
      expect(stdout).to.match(/^1 layer is shared between platforms$/m);
      expect(stdout).to.match(/^attestation of linux\/arm64\/v8: sha256:\w+$/m);
    });
    for (const kind of ['oci', 'oci-archive', 'docker-archive']) {
      it(`reads ${kind}: too`, async () => {
        const [ref, platforms] = kind === 'docker-archive' ? [`${app}:plain`, 1] : [`${app}:1`, 3];
        const copied = await run('copy', ref, `${kind}:here`);
        expect(copied.code, copied.stderr).to.equal(0);
        const { stdout } = await ok('inspect', `${kind}:here`);
        expect(stdout).to.match(new RegExp(`^Name: +${kind}:here$`, 'm'));
        expect(stdout.match(/^linux\//gm)).to.have.length(platforms);
        const answer = await run('inspect', '--require', 'linux/riscv64', `${kind}:here`);
        expect(answer.code).to.equal(1);
        expect((await ok('inspect', '--raw', `${kind}:here`)).stdout).to.match(/^\{/);
      });
    }
    it('says where nothing is', async () => {
      const answer = await run('inspect', 'oci:./none');
      expect(answer.code).to.equal(2);
      expect(answer.stderr).to.match(/there is no OCI layout at .*none \(LAYOUT_INVALID\)\nhint: /);
    });
    it('requires platforms by whatever name', async () => {
      await ok('inspect', '--require', 'linux/arm64,linux/arm,linux/amd64', `${app}:1`);
      const answer = await run('inspect', '--require', 'linux/arm64,linux/riscv64', `${app}:1`);
      expect(answer.code).to.equal(1);
      expect(answer.stderr).to.match(/has no image for linux\/riscv64 \(PLATFORM_MISSING\)/);
    });
    it('prints the very bytes', async () => {
      const answer = await ok('inspect', '--raw', `${app}:1`);
      expect(answer.bytes).to.deep.equal(registry.manifest('team/app', '1')?.bytes);
    });
    it('shows which image of an index is not there any more', async () => {
      registry.faults.push({ url: new RegExp(entries[2]!.digest), status: 404, times: 99 });
      const { stdout } = await ok('inspect', `${app}:1`);
      expect(stdout).to.match(/^linux\/arm\/v7 +sha256:\w+ +missing +0$/m);
      const { images } = documentOf(await ok('inspect', '--format', 'json', `${app}:1`));
      expect((images as object[])[2]).to.include({ platform: 'linux/arm/v7', missing: true });
      expect((await run('inspect', '--require', 'linux/arm/v7', `${app}:1`)).code).to.equal(1);
    });
    it('shows indexes within indexes flat, each image once', async () => {
      write.index('nested', [index, entries[0]!]);
      const { images } = documentOf(await ok('inspect', '--format', 'json', `${app}:nested`));
      expect((images as { platform: string }[]).map(({ platform }) => platform)).to.deep.equal([
        'linux/amd64',
        'linux/arm64/v8',
        'linux/arm/v7',
      ]);
    });
    for (const { what, make, type } of artifacts()) {
      it(`shows ${what}`, async () => {
        const made = make(write, index);
        const document = documentOf(await ok('inspect', '--format', 'json', `${app}:artifact`));
        const [shown] = document.images as readonly Record<string, unknown>[];
        expect(shown).to.include({ digest: made.digest });
        expect(shown).to.not.have.property('platform');
        expect(shown?.artifactType).to.equal(type);
        const { stdout } = await ok('inspect', `${app}:artifact`);
        expect(stdout).to.include(type ?? 'unknown');
        expect((await run('inspect', '--require', 'linux/amd64', `${app}:artifact`)).code).to.equal(1);
      });
    }
    it('says what an artifact is about', async () => {
      artifacts()[2]!.make(write, index);
      const { stdout } = await ok('inspect', `${app}:artifact`);
      expect(stdout).to.match(/^Artifact: {2}application\/vnd\.example\.sbom\.v1$/m);
      expect(stdout).to.include(`About:     ${index.digest}\n`);
    });
    it("shows Docker's lists and images", async () => {
      const images = ['linux/amd64', 'linux/arm64'].map((platform) =>
        write.image(platform, platform, { docker: true }),
      );
      write.index('list', images, mediaTypes.dockerManifestList);
      const document = documentOf(await ok('inspect', '--format', 'json', `${app}:list`));
      expect(document.mediaType).to.equal(mediaTypes.dockerManifestList);
      expect(document.images).to.have.length(2);
    });
  });

  const wrong: readonly { argv: (name: string) => string[]; code: number; says: RegExp }[] = [
    { argv: (name) => ['ls', `${name}:1`], code: 2, says: /names one image; a repository is asked for/ },
    {
      argv: (name) => ['ls', `${name}@${zeros}`],
      code: 2,
      says: /names one image; a repository is asked for/,
    },
    { argv: () => ['ls', 'Not A Name'], code: 2, says: /is no image name/ },
    { argv: (name) => ['ls', `${name}/none`], code: 1, says: /NAME_UNKNOWN .*\(REPOSITORY_NOT_FOUND\)/ },
    {
      argv: () => ['ls', 'localhost:1/app'],
      code: 3,
      says: /the connection was refused .*REGISTRY_UNREACHABLE/,
    },
    { argv: (name) => ['ls', '--format', 'yaml', name], code: 2, says: /--format "yaml" is none of/ },
    { argv: (name) => ['catalog', name], code: 2, says: /is no registry/ },
    { argv: () => ['catalog', 'ubuntu'], code: 2, says: /"ubuntu" is no registry/ },
    { argv: () => ['catalog', ''], code: 2, says: /"" is no registry/ },
    { argv: (name) => ['tag', `${name}:1`, '-x'], code: 2, says: /unknown option/ },
    { argv: (name) => ['tag', `${name}:1`, '.x'], code: 2, says: /"\.x" is no tag/ },
    { argv: (name) => ['tag', `${name}:1`, ''], code: 2, says: /"" is no tag/ },
    { argv: (name) => ['tag', `${name}:1`, `${name}:2`], code: 2, says: /is no tag: it stays in/ },
    { argv: (name) => ['tag', `${name}:none`, '2'], code: 1, says: /there is no image .*:none/ },
    { argv: (name) => ['delete', `${name}:none`], code: 1, says: /there is no image .*:none/ },
    { argv: (name) => ['delete', `${name}@${zeros}`], code: 1, says: /there is no image/ },
    { argv: (name) => ['manifest', `${name}:none`], code: 1, says: /there is no image .*:none/ },
    {
      argv: (name) => ['manifest', '--platform', 'linux/s390x', `${name}:1`],
      code: 1,
      says: /:1 has no image for linux\/s390x \(PLATFORM_MISSING\)\nhint: it has linux\/amd64, linux\/arm64, linux\/arm\/v7/,
    },
    {
      argv: (name) => ['manifest', '--platform', 'linux/arm64', `${name}:plain`],
      code: 1,
      says: /has no image for linux\/arm64 .*\nhint: it has linux\/amd64/,
    },
    {
      argv: (name) => ['digest', '--platform', 'linux/arm64', `${name}:plain`],
      code: 1,
      says: /has no image for linux\/arm64/,
    },
    { argv: (name) => ['manifest', '--platform', 'linux/', `${name}:1`], code: 2, says: /INVALID_PLATFORM/ },
    {
      argv: (name) => ['config', `${name}:1`],
      code: 2,
      says: /:1 has 3 images, each with a config .*\nhint: name a platform: linux\/amd64, linux\/arm64\/v8, linux\/arm\/v7/,
    },
    { argv: (name) => ['blob', `${name}:1`], code: 2, says: /:1 names no digest/ },
    { argv: (name) => ['blob', `${name}@${zeros}`], code: 3, says: /there is no blob sha256:0000/ },
    { argv: (name) => ['blob', `${name}@sha256:12`], code: 2, says: /INVALID_REFERENCE/ },
  ];
  for (const [at, { argv, code, says }] of wrong.entries()) {
    it(`refuses ${argv('NAME').join(' ').replace(zeros, 'sha256:0…')} (${at})`, async () => {
      const answer = await run(...argv(app));
      expect(answer.stderr).to.match(says);
      expect(answer.stdout).to.equal('');
      expect(answer.code).to.equal(code);
    });
  }

  it('writes errors as JSON where JSON was asked for', async () => {
    const answer = await run('ls', '--format', 'json', `${app}/none`);
    expect(JSON.parse(answer.stderr)).to.have.nested.property('error.code', 'REPOSITORY_NOT_FOUND');
  });

  it('tells of waits', async () => {
    registry.faults.push({ url: /tags\/list/, status: 429, retryAfter: 0 });
    const answer = await run('ls', app);
    expect(answer.stdout).to.equal('1\nplain\n');
    expect(answer.stderr).to.match(/listing the tags of .*: 429; attempt 2 of/);
  });
});

/** Things in registries that run nowhere, under the tag `artifact`. */
function artifacts(): readonly {
  readonly what: string;
  readonly type: string | undefined;
  readonly make: (write: RegistryWriter, subject: Descriptor) => Descriptor;
}[] {
  const empty = (write: RegistryWriter): Descriptor => write.blob(mediaTypes.ociEmpty, '{}');
  return [
    {
      what: 'a Helm chart',
      type: 'application/vnd.cncf.helm.config.v1+json',
      make: (write) =>
        write.manifest('artifact', mediaTypes.ociManifest, {
          config: write.blob('application/vnd.cncf.helm.config.v1+json', { name: 'chart', version: '0.1.0' }),
          layers: [write.blob('application/vnd.cncf.helm.chart.content.v1.tar+gzip', 'chart')],
        }),
    },
    {
      what: "cosign's signature",
      type: undefined,
      make: (write) =>
        write.manifest('artifact', mediaTypes.ociManifest, {
          config: write.blob(mediaTypes.ociConfig, {
            architecture: '',
            created: '0001-01-01T00:00:00Z',
            history: [{ created: '0001-01-01T00:00:00Z' }],
            os: '',
            rootfs: { type: 'layers', diff_ids: [zeros] },
            config: {},
          }),
          layers: [write.blob('application/vnd.dev.cosign.simplesigning.v1+json', '{}')],
        }),
    },
    {
      what: 'an SBOM with a subject',
      type: 'application/vnd.example.sbom.v1',
      make: (write, { mediaType, digest, size }) =>
        write.manifest('artifact', mediaTypes.ociManifest, {
          artifactType: 'application/vnd.example.sbom.v1',
          config: empty(write),
          layers: [write.blob('application/spdx+json', '{}')],
          subject: { mediaType, digest, size },
        }),
    },
    {
      what: 'an index of things that are no manifests',
      type: 'application/vnd.example.thing',
      make: (write) => {
        const thing = write.blob('application/vnd.example.thing', 'thing');
        write.index('artifact', [thing]);
        return thing;
      },
    },
  ];
}
