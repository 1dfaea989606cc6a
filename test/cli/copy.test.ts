import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  type Descriptor,
  mediaTypes,
  openLayout,
  openOciArchive,
  parseImageIndex,
  readTarEntries,
  referrersTag,
} from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { copyImages } from '../../packages/cli/src/sdk/images/copy-images.ts';
import { type CliAnswer, runCli } from '../support/cli-run.ts';
import { eventually } from '../support/eventually.ts';
import { type RegistryWriter, writeTo } from '../support/registry-images.ts';
import { rejection } from '../support/rejection.ts';

describe('copy and pull', () => {
  let directory: string;
  let from: TestRegistry;
  let to: TestRegistry;
  let app: string;
  let copied: string;
  let write: RegistryWriter;
  let entries: readonly Descriptor[];
  let attestation: Descriptor;
  let index: Descriptor;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-copy-'));
    [from, to] = [await startTestRegistry(), await startTestRegistry()];
    app = `${from.host}/team/app`;
    copied = `${to.host}/mirror/app`;
    write = writeTo(from, 'team/app');
    entries = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((platform) =>
      write.image(platform, `files of ${platform}`),
    );
    attestation = write.attestation(entries[1]!);
    index = write.index('1', [...entries, attestation]);
  });
  afterEach(async () => {
    await from.close();
    await to.close();
    await rm(directory, { recursive: true, force: true });
  });

  function run(...argv: string[]): Promise<CliAnswer> {
    return runCli(directory, argv);
  }
  /** Quiet, so that all on standard error is a surprise. */
  async function ok(...argv: string[]): Promise<CliAnswer> {
    const answer = await run(...argv, '--progress', 'quiet');
    expect(answer.stderr).to.equal('');
    expect(answer.code).to.equal(0);
    return answer;
  }

  it('copies every platform and attestation, digests unchanged', async () => {
    expect((await ok('copy', `${app}:1`, `${copied}:2`)).stdout).to.equal(`${copied}:2@${index.digest}\n`);
    expect(to.tagOf('mirror/app', '2')).to.equal(index.digest);
    for (const { digest } of [index, ...entries, attestation]) {
      expect(to.manifest('mirror/app', digest)).to.deep.equal(from.manifest('team/app', digest));
    }
  });

  it('asks two questions where everything is there', async () => {
    await ok('copy', `${app}:1`, `${copied}:1`);
    from.requests.length = 0;
    to.requests.length = 0;
    await ok('copy', `${app}:1`, `${copied}:1`);
    expect([...from.requests, ...to.requests].map(({ method }) => method)).to.deep.equal(['HEAD', 'HEAD']);
  });

  it('mounts within a registry', async () => {
    await ok('copy', `${app}:1`, `${from.host}/other/app:1`);
    expect(from.tagOf('other/app', '1')).to.equal(index.digest);
    const uploads = from.requests.filter(({ method, url }) => method === 'PUT' && /blobs/.test(url));
    expect(uploads).to.deep.equal([]);
  });

  it('copies by digest', async () => {
    await ok('copy', `${app}@${entries[0]!.digest}`, `${copied}:amd64`);
    expect(to.tagOf('mirror/app', 'amd64')).to.equal(entries[0]!.digest);
  });

  it('prints JSON', async () => {
    const { stdout } = await ok('copy', '--format', 'json', `${app}:1`, `${copied}:1`);
    expect(JSON.parse(stdout)).to.deep.equal({
      version: 1,
      images: [{ source: `${app}:1`, reference: `${copied}:1`, digest: index.digest }],
      referrers: 0,
    });
  });

  it('goes through a layout and an archive and back', async () => {
    expect((await ok('copy', `${app}:1`, 'oci:image')).stdout).to.equal(`oci:image:1@${index.digest}\n`);
    expect((await openLayout(join(directory, 'image'), { tag: '1' })).root.digest).to.equal(index.digest);
    await ok('copy', 'oci:image', 'oci-archive:image.tar:one');
    expect((await openOciArchive(join(directory, 'image.tar'))).root.digest).to.equal(index.digest);
    await ok('copy', 'oci-archive:image.tar:one', `${copied}:back`);
    expect(to.tagOf('mirror/app', 'back')).to.equal(index.digest);
    expect(await readdir(directory)).to.have.members(['image', 'image.tar', 'cache']);
  });

  it('adds to a layout', async () => {
    await ok('pull', `${app}:1`, 'oci:image');
    await ok('pull', `${app}@${entries[0]!.digest}`, 'oci:image:amd64');
    expect((await openLayout(join(directory, 'image'), { tag: 'amd64' })).root.digest).to.equal(
      entries[0]!.digest,
    );
    expect((await openLayout(join(directory, 'image'), { tag: '1' })).root.digest).to.equal(index.digest);
  });

  describe('--platform', () => {
    it('copies one platform as the image that it is, and says so', async () => {
      const answer = await run(
        ...['copy', '--progress', 'plain', '--platform', 'linux/arm64/v8'],
        ...[`${app}:1`, `${copied}:arm64`],
      );
      expect(answer.stdout).to.equal(`${copied}:arm64@${entries[1]!.digest}\n`);
      expect(answer.stderr).to.match(
        /^warning: .*team\/app:1: linux\/arm64 is copied as the image that it is, sha256:\w+, without its attestations$/m,
      );
      expect(to.manifest('mirror/app', entries[0]!.digest)).to.equal(undefined);
    });

    it('makes a new index of some, attestations along, and says so', async () => {
      const answer = await run(
        ...['copy', '--progress', 'plain', '--platform', 'linux/arm/v7,linux/arm64'],
        ...[`${app}:1`, `${copied}:arm`],
      );
      expect(answer.code).to.equal(0);
      const digest = to.tagOf('mirror/app', 'arm')!;
      expect(answer.stderr).to.include(
        `${app}:1: 2 of 3 images make a new index, ${digest}; the source's is ${index.digest}`,
      );
      const made = parseImageIndex(to.manifest('mirror/app', digest)!.bytes);
      expect(made.manifests).to.deep.equal([entries[1], entries[2], attestation]);
    });

    it('keeps the index as it is when all are named', async () => {
      await ok('copy', '--platform', 'linux/amd64,linux/arm64,linux/arm/v7', `${app}:1`, `${copied}:1`);
      expect(to.tagOf('mirror/app', '1')).to.equal(index.digest);
    });

    it('takes a plain image that is for it', async () => {
      const plain = write.image('linux/arm64', 'plain', { name: 'plain' });
      await ok('copy', '--platform', 'linux/arm64', `${app}:plain`, `${copied}:plain`);
      expect(to.tagOf('mirror/app', 'plain')).to.equal(plain.digest);
    });

    it('takes every version of Windows where none is named', async () => {
      const windows = ['10.0.17763.1', '10.0.20348.1'].map((version) => ({
        ...write.image('windows/amd64', version),
        platform: { os: 'windows', architecture: 'amd64', 'os.version': version },
      }));
      write.index('windows', [entries[0]!, ...windows]);
      const flags = ['--progress', 'plain', '--platform', 'windows/amd64'];
      expect((await run('copy', ...flags, `${app}:windows`, `${copied}:windows`)).code).to.equal(0);
      const { manifests } = parseImageIndex(to.manifest('mirror/app', 'windows')!.bytes);
      expect(manifests).to.deep.equal(windows);
    });

    it("leaves Docker's list a list", async () => {
      const images = ['linux/amd64', 'linux/arm64', 'linux/s390x'].map((platform) =>
        write.image(platform, platform, { docker: true }),
      );
      write.index('list', images, mediaTypes.dockerManifestList);
      const flags = ['--platform', 'linux/amd64,linux/arm64', '--progress', 'plain'];
      expect((await run('copy', ...flags, `${app}:list`, `${copied}:list`)).code).to.equal(0);
      const { mediaType, bytes } = to.manifest('mirror/app', 'list')!;
      expect(mediaType).to.equal(mediaTypes.dockerManifestList);
      expect(JSON.parse(bytes.toString())).to.deep.include({ mediaType, manifests: images.slice(0, 2) });
    });
  });

  describe('--all-tags', () => {
    it('copies every tag, whatever it is', async () => {
      write.image('linux/amd64', 'plain', { name: 'plain' });
      write.manifest(`sha256-${index.digest.slice(7)}.sig`, mediaTypes.ociManifest, {
        config: write.blob(mediaTypes.ociConfig, { os: '', architecture: '', rootfs: { type: 'layers' } }),
        layers: [write.blob('application/vnd.dev.cosign.simplesigning.v1+json', '{}')],
      });
      write.manifest('chart', mediaTypes.ociManifest, {
        config: write.blob('application/vnd.cncf.helm.config.v1+json', {}),
        layers: [write.blob('application/vnd.cncf.helm.chart.content.v1.tar+gzip', 'chart')],
      });
      const { stdout } = await ok('copy', '--all-tags', app, copied);
      expect(stdout.trim().split('\n')).to.have.length(4);
      for (const tag of ['1', 'plain', 'chart', `sha256-${index.digest.slice(7)}.sig`]) {
        expect(to.tagOf('mirror/app', tag)).to.equal(from.tagOf('team/app', tag));
        expect(stdout).to.include(`${copied}:${tag}@${from.tagOf('team/app', tag)}\n`);
      }
    });

    it('copies many tags of the same with one upload a blob, and does nothing again', async () => {
      for (let at = 0; at < 30; at += 1) write.index(`v${at}`, [...entries]);
      await ok('copy', '--all-tags', app, copied);
      const uploads = to.requests.filter(({ method, url }) => method === 'PUT' && /blobs/.test(url));
      expect(uploads).to.have.length(8);
      to.requests.length = 0;
      await ok('copy', '--all-tags', app, copied);
      expect(new Set(to.requests.map(({ method }) => method))).to.deep.equal(new Set(['HEAD']));
    });

    it('goes to a layout and back', async () => {
      write.image('linux/amd64', 'plain', { name: 'plain' });
      expect((await ok('copy', '--all-tags', app, 'oci:all')).stdout).to.include('oci:all:plain@sha256:');
      await ok('copy', '--all-tags', 'oci:all', copied);
      expect(to.tagOf('mirror/app', 'plain')).to.equal(from.tagOf('team/app', 'plain'));
      await ok('copy', '--all-tags', 'oci:all', 'oci-archive:all.tar');
      await ok('copy', '--all-tags', 'oci-archive:all.tar', `${to.host}/again`);
      expect(to.tagOf('again', '1')).to.equal(index.digest);
    });

    it('leaves out what lacks a platform, and says so', async () => {
      write.image('linux/amd64', 'plain', { name: 'plain' });
      const flags = ['--all-tags', '--platform', 'linux/arm64', '--progress', 'plain'];
      const answer = await run('copy', ...flags, app, copied);
      expect(answer.stdout).to.equal(`${copied}:1@${entries[1]!.digest}\n`);
      expect(answer.stderr).to.match(/team\/app:plain has no image for linux\/arm64: it is left out/);
      expect(answer.code).to.equal(0);
    });
  });

  describe('--referrers', () => {
    let sbom: Descriptor;
    beforeEach(() => {
      sbom = refer(index, 'application/sbom');
      refer(entries[0]!, 'application/provenance');
      refer(sbom, 'application/signature');
    });
    function refer({ mediaType, digest, size }: Descriptor, artifactType: string): Descriptor {
      const empty = write.blob(mediaTypes.ociEmpty, '{}');
      const subject = { mediaType, digest, size };
      return write.manifest(undefined, mediaTypes.ociManifest, {
        artifactType,
        config: empty,
        layers: [empty],
        subject,
      });
    }

    it('copies them, of images and of each other', async () => {
      const { stdout } = await ok('copy', '--referrers', '--format', 'json', `${app}:1`, `${copied}:1`);
      expect(JSON.parse(stdout)).to.include({ referrers: 3 });
      expect(to.manifest('mirror/app', sbom.digest)).to.deep.equal(from.manifest('team/app', sbom.digest));
    });

    it('leaves them behind unless asked', async () => {
      await ok('copy', `${app}:1`, `${copied}:1`);
      expect(to.manifest('mirror/app', sbom.digest)).to.equal(undefined);
    });

    it('keeps them in a layout', async () => {
      await ok('pull', '--referrers', `${app}:1`, 'oci:image');
      const { manifests } = JSON.parse(await readFile(join(directory, 'image/index.json'), 'utf8'));
      const names = manifests.map(
        (entry: Descriptor) => entry.annotations?.['org.opencontainers.image.ref.name'],
      );
      expect(names).to.include.members(['1', referrersTag(index.digest)]);
      const { stdout } = await ok('copy', '--referrers', '--format', 'json', 'oci:image', `${copied}:1`);
      expect(JSON.parse(stdout)).to.include({ referrers: 3 });
    });

    it('copies those of a subset', async () => {
      const flags = ['--referrers', '--platform', 'linux/amd64', '--progress', 'plain', '--format', 'json'];
      const { stdout } = await run('copy', ...flags, `${app}:1`, `${copied}:1`);
      expect(JSON.parse(stdout)).to.include({ referrers: 1 });
    });
  });

  describe('docker-archive', () => {
    it('holds one platform under its name', async () => {
      const flags = ['--platform', 'linux/arm/v7', '--progress', 'plain'];
      const answer = await run('pull', ...flags, `${app}:1`, 'docker-archive:image.tar');
      expect(answer.stdout).to.equal(`docker-archive:image.tar@${entries[2]!.digest}\n`);
      const file = createReadStream(join(directory, 'image.tar'));
      for await (const { name, body } of readTarEntries(file)) {
        const bytes = await buffer(body);
        if (name !== 'manifest.json') continue;
        const [saved] = JSON.parse(bytes.toString());
        expect(saved.RepoTags).to.deep.equal([`${app}:1`]);
        return;
      }
      expect.fail('it has no manifest.json');
    });
    it('holds no index', async () => {
      const answer = await run('pull', '--progress', 'quiet', `${app}:1`, 'docker-archive:image.tar');
      expect(answer.code).to.equal(2);
      expect(answer.stderr).to.match(
        /:1 has 3 images, and what is written to holds one \(USAGE\)\nhint: name a platform: linux\/amd64, linux\/arm64, linux\/arm\/v7/,
      );
      expect(await readdir(directory)).to.not.include('image.tar');
    });
  });

  const wrong: readonly {
    what: string;
    argv: () => string[];
    code: number;
    says: RegExp;
  }[] = [
    {
      what: 'a platform that is not there',
      argv: () => ['pull', '--platform', 'linux/riscv64', `${app}:1`, 'oci:image'],
      code: 1,
      says: /:1 has no image for linux\/riscv64 \(PLATFORM_MISSING\)\nhint: it has linux\/amd64, linux\/arm64, linux\/arm\/v7/,
    },
    {
      what: 'a platform that nobody knows',
      argv: () => ['pull', '--platform', 'linux/sparc6', `${app}:1`, 'oci:image'],
      code: 2,
      says: /INVALID_PLATFORM/,
    },
    {
      what: 'an empty list of platforms',
      argv: () => ['copy', '--platform', '', `${app}:1`, `${copied}:1`],
      code: 2,
      says: /INVALID_PLATFORM/,
    },
    {
      what: 'an image that is not there',
      argv: () => ['pull', `${app}:none`, 'oci:image'],
      code: 1,
      says: /there is no image .*:none/,
    },
    {
      what: 'a folder that holds other files',
      argv: () => ['pull', `${app}:1`, 'oci:other'],
      code: 2,
      says: /writing other: the folder holds other files and is no OCI layout \(LAYOUT_INVALID\)/,
    },
    {
      what: 'a file where a folder should be',
      argv: () => ['pull', `${app}:1`, 'oci:other/file'],
      code: 2,
      says: /writing other\/file: .*\(FILE_UNWRITABLE\)/,
    },
    {
      what: 'an archive in a folder that is not there',
      argv: () => ['pull', `${app}@${entries[0]!.digest}`, 'docker-archive:none/image.tar'],
      code: 2,
      says: /writing none\/image\.tar: .*\(FILE_UNWRITABLE\)/,
    },
    {
      what: 'a pull to a registry',
      argv: () => ['pull', `${app}:1`, `${copied}:1`],
      code: 2,
      says: /is no destination \(INVALID_OUTPUT\)\nhint: use oci:DIR/,
    },
    {
      what: 'a pull of a layout',
      argv: () => ['pull', 'oci:./image', 'oci:other'],
      code: 2,
      says: /is a place on this machine/,
    },
    {
      what: 'a digest to write',
      argv: () => ['copy', `${app}:1`, `${copied}@sha256:${'0'.repeat(64)}`],
      code: 2,
      says: /names a digest; a tag to write cannot/,
    },
    { what: 'no layout', argv: () => ['copy', 'oci:none', `${copied}:1`], code: 2, says: /LAYOUT_INVALID/ },
    {
      what: 'a form of place that nobody knows',
      argv: () => ['copy', 'dir:./image', `${copied}:1`],
      code: 2,
      says: /"dir:\.\/image" is no place for an image \(INVALID_SOURCE\)/,
    },
    {
      what: 'all tags of one',
      argv: () => ['copy', '--all-tags', `${app}:1`, copied],
      code: 2,
      says: /names one image; a repository is asked for/,
    },
    {
      what: 'all tags to one',
      argv: () => ['copy', '--all-tags', app, `${copied}:1`],
      code: 2,
      says: /names one image; a repository is asked for/,
    },
    {
      what: 'all tags to a docker-archive',
      argv: () => ['copy', '--all-tags', app, 'docker-archive:image.tar'],
      code: 2,
      says: /is one image, and --all-tags copies many \(USAGE\)/,
    },
    {
      what: 'all tags of a repository that is not there',
      argv: () => ['copy', '--all-tags', `${app}/none`, copied],
      code: 1,
      says: /REPOSITORY_NOT_FOUND/,
    },
    {
      what: 'all tags of a repository that has none',
      argv: () => ['copy', '--all-tags', `${from.host}/team/empty`, copied],
      code: 1,
      says: /team\/empty has no tags \(IMAGE_NOT_FOUND\)/,
    },
    {
      what: 'all tags where none has the platform',
      argv: () => ['copy', '--all-tags', '--platform', 'linux/s390x', app, copied],
      code: 1,
      says: /no image of .* has all of the platforms \(PLATFORM_MISSING\)/,
    },
    {
      what: 'a registry that is not there',
      argv: () => ['copy', `${app}:1`, 'localhost:1/x'],
      code: 3,
      says: /REGISTRY_UNREACHABLE/,
    },
  ];
  for (const { what, argv, code, says } of wrong) {
    it(`refuses ${what}`, async () => {
      await mkdir(join(directory, 'other'));
      await writeFile(join(directory, 'other/file'), 'a file');
      from.addBlob('team/empty', Buffer.from(''));
      const answer = await run(...argv(), '--progress', 'quiet');
      expect(answer.stderr).to.match(says);
      expect(answer.stdout).to.equal('');
      expect(answer.code).to.equal(code);
      expect(to.repositories()).to.deep.equal([]);
      expect(await readdir(directory)).to.have.members(
        (await readdir(directory)).filter((name) => ['other', 'cache', 'image'].includes(name)),
      );
      expect(await readdir(join(directory, 'other'))).to.deep.equal(['file']);
    });
  }

  it('moves no tag when something is missing in the source', async () => {
    const { digest } = write.blob(mediaTypes.ociLayerGzip, 'files of linux/arm64');
    from.faults.push({ url: new RegExp(`blobs/${digest}`), status: 404, times: 99 });
    const answer = await run('copy', '--progress', 'quiet', `${app}:1`, `${copied}:1`);
    expect(answer.code).to.equal(3);
    expect(answer.stderr).to.match(/BLOB_NOT_FOUND/);
    expect(to.tagOf('mirror/app', '1')).to.equal(undefined);
    expect(to.openUploads()).to.deep.equal([]);
  });

  it('leaves nothing half done when it is told to stop', async () => {
    const temporary = join(directory, 'temporary');
    await mkdir(temporary);
    for (const destination of [`${copied}:1`, 'oci-archive:image.tar', 'docker-archive:image.tar']) {
      from.faults.splice(0, 9, { method: 'GET', url: /blobs/, hang: true, times: 9 });
      const controller = new AbortController();
      const reason = new Error('enough');
      const copying = copyImages(
        { source: `${app}@${entries[0]!.digest}`, destination },
        {
          environment: {
            variables: { HOME: directory },
            homeDirectory: directory,
            workingDirectory: directory,
            cacheDirectory: join(directory, 'cache'),
            temporaryDirectory: temporary,
          },
          signal: controller.signal,
        },
      );
      await eventually(async () => expect(from.requests.some(({ url }) => /blobs/.test(url))).to.equal(true));
      controller.abort(reason);
      expect(await rejection(copying)).to.equal(reason);
      from.requests.length = 0;
    }
    expect(to.tagOf('mirror/app', '1')).to.equal(undefined);
    expect(to.openUploads()).to.deep.equal([]);
    expect(await readdir(directory)).to.have.members(['cache', 'temporary']);
    expect(await readdir(temporary)).to.deep.equal([]);
  });

  it('moves no tag when the destination fails', async () => {
    await ok('copy', `${app}@${entries[0]!.digest}`, `${copied}:1`);
    for (const url of [/blobs\/uploads/, /manifests\/sha256/, /manifests\/1/]) {
      to.faults.splice(0, 9, {
        method: url.source.includes('blobs') ? 'POST' : 'PUT',
        url,
        status: 403,
        times: 99,
      });
      const answer = await run('copy', '--progress', 'quiet', `${app}:1`, `${copied}:1`);
      expect(answer.code).to.equal(3);
      expect(answer.stderr).to.match(/REGISTRY_DENIED/);
      expect(to.tagOf('mirror/app', '1')).to.equal(entries[0]!.digest);
      expect(to.openUploads()).to.deep.equal([]);
    }
    to.faults.length = 0;
    await ok('copy', `${app}:1`, `${copied}:1`);
  });

  it('leaves no archive behind when a copy fails', async () => {
    from.faults.push({ url: /blobs/, status: 404, times: 99 });
    expect((await run('pull', '--progress', 'quiet', `${app}:1`, 'oci-archive:image.tar')).code).to.equal(3);
    expect(await readdir(directory)).to.deep.equal(['cache']);
  });
});
