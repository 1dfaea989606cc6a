import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { digestOf, formatPlatformDetails, type ImageIndex } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { writeBuildFiles } from '../../packages/cli/src/formatters/index.ts';
import { type CliAnswer, runCli } from '../support/cli-run.ts';
import { machines, makeElf } from '../support/elf.ts';
import { makeImage } from '../support/made-image.ts';
import { makePlatform, onlyImage, publish } from '../support/published.ts';

describe('mabuild merge', () => {
  let directory: string;
  let registry: TestRegistry;
  /** What runners pushed, by platform. */
  let pushed: Record<string, string>;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-merge-'));
    registry = await startTestRegistry();
    pushed = {};
    for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7']) {
      const image = await onlyImage(makePlatform(platform));
      pushed[platform] = await publish(image, `${registry.host}/app`);
    }
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (...argv: readonly string[]): Promise<CliAnswer> =>
    runCli(directory, [
      ...argv.map((word) => word.replaceAll('REG', registry.host)),
      ...(argv[0] === 'merge' ? ['--progress', 'quiet'] : []),
    ]);

  /** Writes what runners left; an object becomes JSON. */
  async function leave(files: Readonly<Record<string, string | object>>): Promise<void> {
    await mkdir(join(directory, 'digests'), { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      const file = join(directory, 'digests', name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    }
  }

  /** What `docker buildx build --metadata-file` writes. */
  function buildx(digest: string | undefined, repository = 'app'): object {
    return {
      'containerimage.digest': digest,
      'containerimage.descriptor': { digest, size: 1 },
      'image.name': `${registry.host}/${repository}`,
    };
  }

  function platforms(repository: string, tag: string): string {
    const { bytes } = registry.manifest(repository, tag) ?? { bytes: Buffer.from('{"manifests":[]}') };
    const index: ImageIndex = JSON.parse(bytes.toString());
    return index.manifests
      .map(({ platform }) => (platform ? formatPlatformDetails(platform) : 'none'))
      .join(' ');
  }

  const all = 'linux/amd64 linux/arm/v7 linux/arm64';
  const hex = (digest: string | undefined): string => String(digest).replace('sha256:', '');

  it('joins what mabuild noted of its pushes by digest', async () => {
    await mkdir(join(directory, 'digests'));
    for (const [platform, digest] of Object.entries(pushed)) {
      await writeBuildFiles(
        {
          reference: `${registry.host}/app`,
          digest,
          references: [{ reference: `${registry.host}/app`, digest }],
          images: [{ platform, digest, engine: 'buildkit', strategy: 'native', seconds: 1 }],
        },
        { metadataFile: join(directory, 'digests', `${platform.replaceAll('/', '-')}.json`) },
      );
    }
    const answer = await run('merge', '-t', 'REG/app:1', '-t', 'REG/app:latest', '--digests', 'digests');
    expect(answer.stderr).to.equal('');
    const digest = registry.tagOf('app', '1');
    expect(answer.stdout).to.equal(
      `${registry.host}/app:1@${digest}\n${registry.host}/app:latest@${digest}\n`,
    );
    expect(platforms('app', 'latest')).to.equal(all);
  });

  const ways: readonly { what: string; files: () => Readonly<Record<string, string | object>> }[] = [
    {
      what: 'empty files named by digest, in folders of their own',
      files: () => ({
        [`digests-amd64/${hex(pushed['linux/amd64'])}`]: '',
        [`digests-arm64/sha256:${hex(pushed['linux/arm64'])}`]: '',
        [`digests-arm/sha256-${hex(pushed['linux/arm/v7'])}`]: '',
      }),
    },
    {
      what: 'metadata files of buildx and bake, each image once',
      files: () => ({
        'amd64.json': buildx(pushed['linux/amd64']),
        'bake.json': {
          'buildx.build.ref': 'x',
          app: buildx(pushed['linux/arm64']),
          other: buildx(pushed['linux/arm/v7']),
        },
        [hex(pushed['linux/arm64'])]: '',
      }),
    },
    {
      what: 'digests in files, and hidden files beside them',
      files: () => ({
        '.gitkeep': '',
        '.git/config': 'nothing',
        amd64: `${pushed['linux/amd64']}\n`,
        arm64: `${registry.host}/app@${pushed['linux/arm64']}`,
        'arm.json': { version: 1, digest: pushed['linux/arm/v7'], images: [] },
      }),
    },
  ];
  for (const { what, files } of ways) {
    it(`joins ${what}`, async () => {
      await leave(files());
      const answer = await run('merge', '-t', 'REG/app:1', '--digests', 'digests');
      expect(answer.stderr).to.equal('');
      expect(platforms('app', '1')).to.equal(all);
    });
  }

  it('makes the same index whoever was first', async () => {
    await leave({ a: `${pushed['linux/amd64']}`, b: `${pushed['linux/arm64']}` });
    await run('merge', '-t', 'REG/app:1', '--digests', 'digests');
    await leave({ b: `${pushed['linux/amd64']}`, a: `${pushed['linux/arm64']}` });
    await run('merge', '-t', 'REG/app:2', '--digests', 'digests');
    expect(registry.tagOf('app', '1')).to.equal(registry.tagOf('app', '2'));
  });

  it('copies what was pushed to other repositories and registries', async () => {
    const elsewhere = await startTestRegistry();
    try {
      const image = await onlyImage(makePlatform('linux/s390x'));
      const s390x = await publish(image, `${elsewhere.host}/staging/app`);
      const arm64 = await publish(
        await onlyImage(makePlatform('linux/arm64', 'x')),
        `${registry.host}/staging`,
      );
      await leave({
        [hex(pushed['linux/amd64'])]: '',
        'arm64.json': buildx(arm64, 'staging'),
        's390x.json': {
          'containerimage.digest': s390x,
          'image.name': `${elsewhere.host}/staging/app:ignored`,
        },
      });
      const answer = await run('merge', '--no-verify', '-t', 'REG/app:1', '--digests', 'digests');
      expect(answer.stderr).to.equal('');
    } finally {
      await elsewhere.close();
    }
    expect(platforms('app', '1')).to.equal('linux/amd64 linux/arm64 linux/s390x');
    expect((await run('inspect', 'REG/app:1')).code).to.equal(0);
  });

  it('finds digests without a name where --from says', async () => {
    await leave({ [hex(pushed['linux/amd64'])]: '' });
    const answer = await run('merge', '-t', 'REG/new:1', '--from', 'REG/app', '--digests', 'digests');
    expect(answer.stderr).to.equal('');
    expect(platforms('new', '1')).to.equal('linux/amd64');
  });

  it('writes a layout, from where --from says', async () => {
    await leave({ [hex(pushed['linux/amd64'])]: '' });
    const tag = ['-t', 'oci:./image:1', '--digests', 'digests'];
    const nowhere = await run('merge', ...tag);
    expect(nowhere.stderr).to.match(/does not say where the digest was pushed to \(--from\)/);
    expect(nowhere.code).to.equal(2);
    expect((await run('merge', ...tag, '--from', 'REG/app')).stderr).to.equal('');
    expect((await run('push', 'oci:./image:1', 'REG/pushed:1')).code).to.equal(0);
    expect(platforms('pushed', '1')).to.equal('linux/amd64');
  });

  it('flattens what runners pushed as indexes', async () => {
    const both = makeImage(
      { platform: 'linux/riscv64', layers: [] },
      { platform: 'linux/s390x', layers: [] },
    );
    const digest = await publish(both, `${registry.host}/app`);
    await leave({ [hex(pushed['linux/amd64'])]: '', [hex(digest)]: '' });
    await run('merge', '-t', 'REG/app:1', '--digests', 'digests');
    expect(platforms('app', '1')).to.equal('linux/amd64 linux/riscv64 linux/s390x');
  });

  it('prints what it would write, and writes nothing', async () => {
    await leave({ [hex(pushed['linux/amd64'])]: '' });
    registry.requests.length = 0;
    const answer = await run(
      'merge',
      '--dry-run',
      '--format',
      'json',
      '-t',
      'REG/app:1',
      '--digests',
      'digests',
    );
    expect(JSON.parse(answer.stdout).images).to.deep.equal([
      { platform: 'linux/amd64', digest: pushed['linux/amd64'] },
    ]);
    expect(registry.requests.filter(({ method }) => !/GET|HEAD/.test(method))).to.deep.equal([]);
  });

  const wrong: readonly {
    readonly what: string;
    readonly files?: () => Promise<Readonly<Record<string, string | object>>>;
    readonly argv?: readonly string[];
    readonly code: number;
    readonly says: RegExp;
  }[] = [
    { what: 'a folder that is not there', code: 2, says: /there is no such folder \(FILE_NOT_FOUND\)/ },
    {
      what: 'an empty folder',
      files: async () => ({ '.hidden': 'x' }),
      code: 2,
      says: /holds no digest of an image/,
    },
    {
      what: 'JSON that is none',
      files: async () => ({ 'a.json': '{ "containerimage.digest": ' }),
      code: 2,
      says: /reading a\.json: it is no JSON .*DIGEST_FILE_INVALID/,
    },
    {
      what: 'what is neither JSON nor a digest',
      files: async () => ({ 'sub/notes.txt': 'built on tuesday' }),
      code: 2,
      says: /reading sub\/notes\.txt: it is neither JSON nor a digest/,
    },
    {
      what: 'an empty file with another name',
      files: async () => ({ done: '' }),
      code: 2,
      says: /reading done: it is empty, and its name is no digest/,
    },
    {
      what: 'JSON without a digest',
      files: async () => ({ 'a.json': { 'image.name': 'app' } }),
      code: 2,
      says: /reading a\.json: it has no containerimage\.digest/,
    },
    {
      what: 'a digest that is none',
      files: async () => ({ 'a.json': buildx('sha256:abc') }),
      code: 2,
      says: /reading a\.json: "sha256:abc" is no digest/,
    },
    {
      what: 'a digest that is no text',
      files: async () => ({ 'a.json': { 'containerimage.digest': 7 } }),
      code: 2,
      says: /reading a\.json: 7 is no digest/,
    },
    {
      what: 'a name that is none',
      files: async () => ({ 'a.json': { ...buildx(pushed['linux/amd64']), 'image.name': 'Not A Name' } }),
      code: 2,
      says: /reading a\.json: .*is no image name/,
    },
    {
      what: 'a digest that the registry does not have',
      files: async () => ({ 'a.json': buildx(digestOf('nothing')) }),
      code: 1,
      says: /a\.json: there is no image .*IMAGE_NOT_FOUND/,
    },
    {
      what: 'a digest of a layer',
      files: async () => ({ 'a.json': buildx(registry.addBlob('app', Buffer.from('layer'))) }),
      code: 1,
      says: /a\.json: there is no image/,
    },
    {
      what: 'two images for one platform',
      files: async () => ({
        a: String(pushed['linux/arm64']),
        'b.json': buildx(
          await publish(await onlyImage(makePlatform('linux/arm64', '2')), `${registry.host}/app`),
        ),
      }),
      code: 2,
      says: /a and b\.json: linux\/arm64 is there twice, as sha256.*DUPLICATE_PLATFORM/,
    },
    {
      what: 'an index with a platform that another runner built',
      files: async () => {
        const both = makeImage(
          { platform: 'linux/s390x', layers: [] },
          { platform: 'linux/amd64', layers: [] },
        );
        return {
          a: String(pushed['linux/amd64']),
          b: await publish(both, `${registry.host}/app`),
        };
      },
      code: 2,
      says: /a and b: linux\/amd64 is there twice/,
    },
    {
      what: 'a platform that did not come',
      files: async () => ({ a: String(pushed['linux/arm64']) }),
      argv: ['--require', 'linux/arm64,linux/amd64'],
      code: 1,
      says: /no image for linux\/amd64 \(PLATFORM_MISSING\)/,
    },
    {
      what: 'an image that lies',
      files: async () => {
        const x64 = makeElf({ machine: machines.x64 });
        const liar = makeImage({
          platform: 'linux/arm64',
          layers: [[{ path: 'app', mode: 0o755, content: x64 }]],
          config: { Entrypoint: ['/app'] },
        });
        return { a: await publish(await onlyImage(liar), `${registry.host}/app`) };
      },
      code: 1,
      says: /is not what it says: linux\/arm64: app in layer .* is .*VERIFICATION_FAILED/,
    },
    {
      what: 'a name to write with a digest',
      argv: ['-t', `REG/app@${digestOf('x')}`],
      code: 2,
      says: /names a digest/,
    },
  ];
  for (const { what, files, argv = [], code, says } of wrong) {
    it(`refuses ${what}, and tags nothing`, async () => {
      if (files) await leave(await files());
      const tags = argv.includes('-t') ? [] : ['-t', 'REG/app:1'];
      const answer = await run('merge', ...tags, '--digests', 'digests', ...argv);
      expect(answer.stderr).to.match(says);
      expect(answer.code).to.equal(code);
      expect(registry.tagOf('app', '1')).to.equal(undefined);
    });
  }
});
