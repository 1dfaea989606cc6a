import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  copyImage,
  createOciArchiveSink,
  type Descriptor,
  digestOf,
  formatPlatformDetails,
  type ImageIndex,
  mediaTypes,
  verifyImage,
} from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type CliAnswer, runCli } from '../support/cli-run.ts';
import { makeImage } from '../support/made-image.ts';
import { makePlatform, onlyImage, publish } from '../support/published.ts';

describe('mabuild index', () => {
  let directory: string;
  let registry: TestRegistry;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-index-'));
    registry = await startTestRegistry();
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (...argv: readonly string[]): Promise<CliAnswer> =>
    runCli(
      directory,
      argv.map((word) => word.replaceAll('REG', registry.host)),
    );

  async function succeed(...argv: readonly string[]): Promise<string> {
    const answer = await run(...argv);
    expect(answer.code, answer.stderr).to.equal(0);
    return answer.stdout.trim();
  }

  /** Pushes an image of its own for a platform. */
  async function push(name: string, platform: string, salt = name): Promise<string> {
    return publish(await onlyImage(makePlatform(platform, salt)), `${registry.host}/${name}`);
  }

  function stored(repository: string, name: string): ImageIndex {
    const { bytes } = registry.manifest(repository, name) ?? { bytes: Buffer.from('{"manifests":[]}') };
    return JSON.parse(bytes.toString());
  }

  function platforms(repository: string, name: string): string {
    const { manifests } = stored(repository, name);
    return manifests.map(({ platform }) => (platform ? formatPlatformDetails(platform) : 'none')).join(' ');
  }

  /** Puts an attestation of an image into its repository, as BuildKit does, and joins both in an index. */
  function attested(
    repository: string,
    tag: string,
    platform: Descriptor['platform'],
    digest: string,
  ): string {
    const statement = Buffer.from(JSON.stringify({ about: digest }));
    const config = Buffer.from(
      '{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}}',
    );
    for (const blob of [statement, config]) registry.addBlob(repository, blob);
    const describe = (mediaType: string, bytes: Buffer) => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    });
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: describe(mediaTypes.ociConfig, config),
        layers: [describe('application/vnd.in-toto+json', statement)],
      }),
    );
    registry.addManifest(repository, digestOf(manifest), mediaTypes.ociManifest, manifest);
    const image = registry.manifest(repository, digest)!;
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [
        { ...describe(image.mediaType, image.bytes), platform },
        {
          ...describe(mediaTypes.ociManifest, manifest),
          platform: { architecture: 'unknown', os: 'unknown' },
          annotations: {
            'vnd.docker.reference.digest': digest,
            'vnd.docker.reference.type': 'attestation-manifest',
          },
        },
      ],
    };
    return registry.addManifest(repository, tag, mediaTypes.ociIndex, Buffer.from(JSON.stringify(index)));
  }

  describe('create', () => {
    it('joins tags and digests of several repositories under several tags', async () => {
      await push('app:amd64', 'linux/amd64');
      const arm64 = await push('other', 'linux/arm64');
      await push('app:v7', 'linux/arm/v7');
      const out = await succeed(
        ...['index', 'create', '-t', 'REG/app:1', '-t', 'REG/all/app:latest'],
        ...['REG/app:amd64', `REG/other@${arm64}`, 'REG/app:v7'],
      );
      const digest = registry.tagOf('app', '1');
      expect(out.split('\n')).to.deep.equal([
        `${registry.host}/app:1@${digest}`,
        `${registry.host}/all/app:latest@${digest}`,
      ]);
      expect(platforms('app', '1')).to.equal('linux/amd64 linux/arm64 linux/arm/v7');
      expect(registry.tagOf('all/app', 'latest')).to.equal(digest);
      expect((await run('verify', 'REG/all/app')).code).to.equal(0);
    });

    it('copies from other registries, layouts and archives', async () => {
      const elsewhere = await startTestRegistry();
      try {
        await publish(await onlyImage(makePlatform('linux/arm64')), `${elsewhere.host}/app:arm`);
        await push('app:amd64', 'linux/amd64');
        await succeed('index', 'create', '-t', 'oci:./layout:1', 'REG/app:amd64');
        const archive = await createOciArchiveSink(join(directory, 'v7.tar'));
        await copyImage(await onlyImage(makePlatform('linux/arm/v7')), archive, { tags: ['1'] });
        await archive.close();
        const sources = ['oci:./layout:1', 'oci-archive:v7.tar', `${elsewhere.host}/app:arm`];
        await succeed('index', 'create', '-t', 'REG/joined:1', ...sources);
      } finally {
        await elsewhere.close();
      }
      expect(platforms('joined', '1')).to.equal('linux/amd64 linux/arm/v7 linux/arm64');
      expect((await run('verify', 'REG/joined:1')).code).to.equal(0);
    });

    it('mounts what another repository of the registry has, and sends nothing', async () => {
      await push('one:a', 'linux/amd64');
      await push('two:a', 'linux/arm64');
      registry.requests.length = 0;
      await succeed('index', 'create', '-t', 'REG/three:1', 'REG/one:a', 'REG/two:a');
      const uploads = registry.requests.filter(
        ({ method, url }) => method !== 'HEAD' && /blobs\/uploads/.test(url),
      );
      expect(uploads.map(({ url }) => /mount=.*from=/.test(url))).to.deep.equal(uploads.map(() => true));
    });

    it('writes the children first and the tag last, and reads it again', async () => {
      await push('app:amd64', 'linux/amd64');
      await push('app:arm', 'linux/arm64');
      registry.requests.length = 0;
      await succeed('index', 'create', '-t', 'REG/new:1', 'REG/app:amd64', 'REG/app:arm');
      const writes = registry.requests.filter(({ method, url }) => method === 'PUT' && /manifests/.test(url));
      expect(writes).to.have.length(3);
      expect(writes.at(-1)?.url).to.equal('/v2/new/manifests/1');
      expect(registry.requests.at(-1)?.url).to.match(/manifests\/1$/);
    });

    it('gives a single index that need not change back as it is', async () => {
      const both = makeImage(
        { platform: 'linux/amd64', layers: [] },
        { platform: 'linux/arm64', layers: [] },
      );
      const digest = await publish(both, `${registry.host}/app:1`);
      await succeed('index', 'create', '-t', 'REG/app:latest', 'REG/app:1');
      expect(registry.tagOf('app', 'latest')).to.equal(digest);
    });

    it('keeps attestations with their image, and drops them when told', async () => {
      const digest = await push('app:x', 'linux/arm64');
      attested('app', 'x', { os: 'linux', architecture: 'arm64' }, digest);
      await push('app:amd64', 'linux/amd64');
      await succeed('index', 'create', '-t', 'REG/new:1', 'REG/app:amd64', 'REG/app:x');
      expect(platforms('new', '1')).to.equal('linux/amd64 linux/arm64 unknown/unknown');
      expect(await succeed('inspect', 'REG/new:1')).to.contain('attestation of linux/arm64');
      await succeed(
        'index',
        'create',
        '-t',
        'REG/new:2',
        '--attestations',
        'drop',
        'REG/app:amd64',
        'REG/app:x',
      );
      expect(platforms('new', '2')).to.equal('linux/amd64 linux/arm64');
      await succeed('index', 'create', '-t', 'REG/new:3', '--platform', 'linux/amd64', 'REG/new:1');
      expect(platforms('new', '3')).to.equal('linux/amd64');
      await succeed('index', 'create', '-t', 'REG/new:4', '--platform', 'linux/arm64', 'REG/new:1');
      expect(platforms('new', '4')).to.equal('linux/arm64 unknown/unknown');
      // To replace or remove the image is to replace or remove what is said of it.
      await push('app:arm2', 'linux/arm64', 'second');
      await succeed('index', 'add', '--replace', 'REG/new:1', 'REG/app:arm2');
      expect(platforms('new', '1')).to.equal('linux/amd64 linux/arm64');
      await succeed('index', 'add', 'REG/new:3', 'REG/app:x');
      expect(platforms('new', '3')).to.equal('linux/amd64 linux/arm64 unknown/unknown');
      await succeed('index', 'remove', 'REG/new:3', '--platform', 'linux/arm64');
      expect(platforms('new', '3')).to.equal('linux/amd64');
    });

    it('takes a platform by hand, and annotations', async () => {
      await push('app:pi', 'linux/arm/v7');
      const flags = ['--platform-of', 'REG/app:pi=linux/arm/v6', '--annotation', 'title=a=b'];
      await succeed('index', 'create', '-t', 'REG/app:1', ...flags, 'REG/app:pi');
      expect(platforms('app', '1')).to.equal('linux/arm/v6');
      expect(stored('app', '1').annotations).to.deep.equal({ title: 'a=b' });
    });

    it('prints what it would write, and writes nothing', async () => {
      await push('app:amd64', 'linux/amd64');
      registry.requests.length = 0;
      const out = await succeed(
        'index',
        'create',
        '-t',
        'REG/app:1',
        '-t',
        'oci:./new',
        '--dry-run',
        'REG/app:amd64',
      );
      const index: ImageIndex = JSON.parse(out);
      expect(index.manifests[0]?.platform).to.deep.equal({ os: 'linux', architecture: 'amd64' });
      expect(registry.requests.every(({ method }) => method === 'GET' || method === 'HEAD')).to.equal(true);
      expect(await readdir(directory)).to.not.include('new');
    });

    it('tells what it wrote as JSON', async () => {
      await push('app:amd64', 'linux/amd64');
      const out = await succeed('index', 'create', '--format', 'json', '-t', 'REG/app:1', 'REG/app:amd64');
      const digest = registry.tagOf('app', '1');
      expect(JSON.parse(out)).to.deep.equal({
        version: 1,
        reference: `${registry.host}/app:1`,
        digest,
        mediaType: mediaTypes.ociIndex,
        images: [{ platform: 'linux/amd64', digest: registry.tagOf('app', 'amd64') }],
        attestations: [],
        references: [{ reference: `${registry.host}/app:1`, digest }],
      });
    });
  });

  describe('add, remove, annotate', () => {
    it('builds up an index step by step, and takes it down', async () => {
      for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7']) {
        await push(`app:${platform.replaceAll('/', '-')}`, platform);
      }
      await succeed('index', 'add', 'REG/app:1', 'REG/app:linux-amd64');
      await succeed('index', 'add', 'REG/app:1', 'REG/app:linux-arm64', 'REG/app:linux-arm-v7');
      expect(platforms('app', '1')).to.equal('linux/amd64 linux/arm64 linux/arm/v7');
      await succeed(
        'index',
        'annotate',
        'REG/app:1',
        '--platform',
        'linux/arm/v7',
        'board=pi',
        'os=raspbian',
      );
      await succeed('index', 'annotate', 'REG/app:1', 'title=app');
      await succeed('index', 'annotate', 'REG/app:1', '--platform', 'linux/arm/v7', '--remove', 'os');
      expect(stored('app', '1').annotations).to.deep.equal({ title: 'app' });
      expect(stored('app', '1').manifests.map(({ annotations }) => annotations)).to.deep.equal([
        undefined,
        undefined,
        { board: 'pi' },
      ]);
      await succeed('index', 'remove', 'REG/app:1', '--platform', 'linux/amd64,linux/arm64');
      expect(platforms('app', '1')).to.equal('linux/arm/v7');
      expect(stored('app', '1').annotations).to.deep.equal({ title: 'app' });
    });

    it('makes an index of a single image to add to it', async () => {
      await push('app:1', 'linux/amd64');
      await push('app:arm', 'linux/arm/v7');
      await succeed('index', 'add', 'REG/app:1', 'REG/app:arm');
      expect(platforms('app', '1')).to.equal('linux/amd64 linux/arm/v7');
    });

    it('writes nothing when everything is there', async () => {
      await push('app:amd64', 'linux/amd64');
      await succeed('index', 'add', 'REG/app:1', 'REG/app:amd64');
      registry.requests.length = 0;
      await succeed('index', 'add', 'REG/app:1', 'REG/app:amd64');
      expect(registry.requests.filter(({ method }) => method === 'PUT')).to.deep.equal([]);
    });

    it('reads the tag itself, not a mirror that is behind', async () => {
      const mirror = await startTestRegistry();
      try {
        await push('app:amd64', 'linux/amd64');
        await push('app:arm', 'linux/arm64');
        await succeed('index', 'add', 'REG/app:1', 'REG/app:amd64');
        await publish(await onlyImage(makePlatform('linux/s390x')), `${mirror.host}/app:1`);
        await succeed('index', 'add', '--mirror', `REG=http://${mirror.host}`, 'REG/app:1', 'REG/app:arm');
        expect(platforms('app', '1')).to.equal('linux/amd64 linux/arm64');
      } finally {
        await mirror.close();
      }
    });

    it('edits the index of a layout', async () => {
      await push('app:amd64', 'linux/amd64');
      await push('app:arm', 'linux/arm64');
      await succeed('index', 'create', '-t', 'oci:./image:1', 'REG/app:amd64');
      await succeed('index', 'add', 'oci:./image:1', 'REG/app:arm');
      await succeed('index', 'remove', 'oci:./image:1', '--platform', 'linux/amd64');
      await succeed('push', 'oci:./image:1', 'REG/pushed:1');
      expect(platforms('pushed', '1')).to.equal('linux/arm64');
    });
  });

  const wrong: readonly {
    readonly argv: string;
    readonly code?: number;
    readonly says: RegExp;
  }[] = [
    { argv: 'create REG/app:amd64', code: 2, says: /--tag <dst>' not specified/ },
    { argv: 'create -t REG/app:1', code: 2, says: /missing required argument 'src'/ },
    {
      argv: 'create -t REG/app:1 REG/app:amd64 REG/app:amd64b',
      code: 2,
      says: /amd64 is there twice.*DUPLICATE_P/,
    },
    { argv: 'create -t REG/app:1 REG/app:both REG/app:amd64b', code: 2, says: /DUPLICATE_PLATFORM/ },
    {
      argv: 'create -t REG/app:1 REG/app:absent',
      code: 1,
      says: /there is no image .*app:absent.*IMAGE_NOT_FOUND/,
    },
    {
      argv: 'create -t REG/app:1 REG/app:lie',
      code: 1,
      says: /app:lie: .*listed for linux\/arm64.*VERIFICATION_F/,
    },
    {
      argv: 'create -t REG/app:1 --platform linux/s390x REG/app:both',
      code: 1,
      says: /no image for linux\/s390x/,
    },
    { argv: 'create -t REG/app:1 --platform linux/sparc6 REG/app:both', code: 2, says: /INVALID_PLATFORM/ },
    { argv: 'create -t REG/app:1 --index-type docker REG/app:amd64', code: 2, says: /MIXED_MEDIA_TYPES/ },
    { argv: 'create -t REG/app:1 --index-type helm REG/app:amd64', code: 2, says: /none of oci, docker/ },
    { argv: 'create -t REG/app:1 --attestations maybe REG/app:both', code: 2, says: /none of keep, drop/ },
    {
      argv: 'create -t REG/app:1 --platform-of REG/x=linux/arm64 REG/app:both',
      code: 2,
      says: /none of the sources/,
    },
    {
      argv: 'create -t REG/app:1 --platform-of REG/app:both=linux/arm64 REG/app:both',
      code: 1,
      says: /app:both: .* index of 2 images/,
    },
    { argv: `create -t REG/app@sha256:${'0'.repeat(64)} REG/app:both`, code: 2, says: /names a digest/ },
    { argv: 'create -t oci-archive:x.tar REG/app:both', code: 2, says: /INVALID_OUTPUT/ },
    { argv: 'create -t REG/app:1 oci:./absent', code: 2, says: /LAYOUT_INVALID/ },
    { argv: 'add REG/app:both REG/app:amd64b', code: 2, says: /DUPLICATE_PLATFORM/ },
    { argv: 'add REG/app:both', code: 2, says: /missing required argument 'src'/ },
    { argv: 'remove REG/app:both', code: 2, says: /--platform <list>' not specified/ },
    { argv: 'remove REG/app:both --platform linux/s390x', code: 1, says: /no image for linux\/s390x/ },
    { argv: 'remove REG/app:both --platform linux/amd64,linux/arm64', code: 2, says: /INDEX_EMPTY/ },
    { argv: 'remove REG/app:amd64 --platform linux/amd64', code: 2, says: /is one image, in no index/ },
    { argv: 'remove REG/app:absent --platform linux/amd64', code: 1, says: /there is no image/ },
    { argv: 'annotate REG/app:both', code: 2, says: /no annotation to write/ },
    { argv: 'annotate REG/app:both title', code: 2, says: /is not NAME=VALUE/ },
    { argv: 'annotate REG/app:both --platform linux/s390x a=b', code: 1, says: /no image for linux\/s390x/ },
    { argv: 'annotate REG/app:amd64 a=b', code: 2, says: /is one image, in no index/ },
    { argv: 'unknown', code: 2, says: /unknown command|no such command/ },
  ];
  for (const { argv, code, says } of wrong) {
    it(`refuses index ${argv}`, async () => {
      await push('app:amd64', 'linux/amd64');
      await push('app:amd64b', 'linux/amd64', 'other');
      const both = { platform: 'linux/arm64', layers: [] };
      await publish(makeImage({ platform: 'linux/amd64', layers: [] }, both), `${registry.host}/app:both`);
      const configPlatform = { os: 'linux', architecture: 'amd64' };
      await publish(makeImage({ ...both, configPlatform }), `${registry.host}/app:lie`);
      registry.requests.length = 0;
      const answer = await run('index', ...argv.split(' '));
      expect(answer.stderr).to.match(says);
      expect(answer.code).to.equal(code);
      expect(answer.stdout).to.equal('');
      expect(registry.requests.filter(({ method }) => method === 'PUT')).to.deep.equal([]);
    });
  }

  it('takes a lie only when told to', async () => {
    const configPlatform = { os: 'linux', architecture: 'amd64' };
    const lie = makeImage({ platform: 'linux/arm64', layers: [], configPlatform });
    await publish(lie, `${registry.host}/app:lie`);
    await succeed('index', 'create', '--no-verify', '-t', 'REG/app:1', 'REG/app:lie');
    expect((await verifyImage(lie)).ok).to.equal(false);
    expect(platforms('app', '1')).to.equal('linux/arm64');
  });
});
