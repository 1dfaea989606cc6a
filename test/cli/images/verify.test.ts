import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyImage, createLayoutSink, digestOf, mediaTypes } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type VerifiedTag, verifyReference, verifyRepository } from 'mabuild';
import { runProgram } from '../../../packages/cli/src/program.ts';
import { machines, makeElf } from '../../support/elf.ts';
import { fakeIo } from '../../support/io.ts';
import { type ImageRecipe, makeImage } from '../../support/made-image.ts';
import { makePlatform, onlyImage, publish } from '../../support/published.ts';
import { rejection } from '../../support/rejection.ts';
import type { TarInput } from '../../support/tar.ts';

const name = 'org.opencontainers.image.base.name';
const digest = 'org.opencontainers.image.base.digest';
const config = { Entrypoint: ['/app'] };

describe('verify', () => {
  let registry: TestRegistry;
  beforeEach(async () => {
    registry = await startTestRegistry();
  });
  afterEach(() => registry.close());

  const options = {
    environment: { variables: { HOME: '/nowhere' }, cacheDirectory: '/dev/null/no' },
    config: {},
  };
  const at = (reference: string): string => `${registry.host}/${reference}`;
  const document = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  const blobReads = (): readonly string[] =>
    registry.requests.flatMap(({ method, url }) => {
      const [, blob] = /\/blobs\/(sha256:\w+)/.exec(url) ?? [];
      return method === 'GET' && blob !== undefined ? [blob] : [];
    });

  describe('a whole repository', () => {
    it('judges every tag, each manifest and each layer once', async () => {
      const shared = layer('lib/shared', 'the same in all');
      const one = makeImage(recipe('linux/amd64', 'x64', shared), recipe('linux/arm64', 'arm64', shared));
      const two = makeImage(recipe('linux/amd64', 'x64', shared, layer('two', '2')));
      await publish(one, at('app:1.0'));
      await publish(one, at('app:1'));
      await publish(one, at('app:latest'));
      await publish(two, at('app:2'));
      registry.requests.length = 0;
      const seen: VerifiedTag[] = [];
      const report = await verifyRepository(
        { repository: at('app') },
        { ...options, onTag: (tag) => seen.push(tag) },
      );
      expect(report.ok).to.equal(true);
      expect(report.repository).to.equal(at('app'));
      expect(report.tags.map((tag) => tag.tag)).to.deep.equal(['1', '1.0', '2', 'latest']);
      expect(seen).to.deep.equal(report.tags);
      expect(report.tags[0]?.images).to.equal(report.tags[3]?.images);
      expect(report.tags[0]?.images.map(({ platform }) => platform)).to.deep.equal([
        'linux/amd64',
        'linux/arm64',
      ]);
      const reads = blobReads();
      expect(reads).to.have.length(new Set(reads).size);
      expect(reads).to.include(one.layers[0]?.[0]);
    });

    it('names what lies by tag, file and layer, and leaves the others alone', async () => {
      const lie = makeImage(recipe('linux/amd64', 'x64'), recipe('linux/arm64', 'x64', layer('salt', 'lie')));
      await publish(makePlatform('linux/arm64'), at('app:good'));
      await publish(lie, at('app:bad'));
      await publish(lie, at('app:worse'));
      const report = await verifyRepository({ repository: at('app') }, options);
      expect(report.ok).to.equal(false);
      expect(report.tags.map(({ tag, ok }) => [tag, ok])).to.deep.equal([
        ['bad', false],
        ['good', true],
        ['worse', false],
      ]);
      const [amd64, arm64] = report.tags[0]?.images ?? [];
      expect(amd64?.ok).to.equal(true);
      expect(arm64?.problems).to.deep.equal([
        {
          kind: 'elf-machine',
          path: 'app',
          layer: lie.layers[1]?.at(-1),
          found: 'x86-64',
          expected: 'linux/arm64',
          why: 'ENTRYPOINT',
        },
      ]);
    });

    it('takes charts, signatures, attestations and what names no platform for no images', async () => {
      await publish(makePlatform('linux/amd64'), at('app:image'));
      const put = (
        tag: string,
        fields: object,
        configBytes: Buffer,
        configType: string,
        layerType: string,
      ): void => {
        registry.addBlob('app', configBytes);
        registry.addBlob('app', Buffer.from('content'));
        const descriptor = { mediaType: configType, digest: digestOf(configBytes), size: configBytes.length };
        const content = { mediaType: layerType, digest: digestOf('content'), size: 7 };
        const manifest = {
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          config: descriptor,
          layers: [content],
          ...fields,
        };
        registry.addManifest('app', tag, mediaTypes.ociManifest, document(manifest));
      };
      const none = document({
        architecture: '',
        os: '',
        config: {},
        rootfs: { type: 'layers', diff_ids: [] },
      });
      put(
        'chart',
        {},
        document({ name: 'chart' }),
        'application/vnd.cncf.helm.config.v1+json',
        'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
      );
      put(
        `sha256-${'0'.repeat(64)}.sig`,
        {},
        none,
        mediaTypes.ociConfig,
        'application/vnd.dev.cosign.simplesigning.v1+json',
      );
      put('provenance', {}, document({ rootfs: {} }), mediaTypes.ociConfig, 'application/vnd.in-toto+json');
      put(
        'artifact',
        { artifactType: 'application/x-thing' },
        Buffer.from('{}'),
        mediaTypes.ociEmpty,
        'text/plain',
      );
      registry.addManifest(
        'app',
        'empty',
        mediaTypes.ociIndex,
        document({ schemaVersion: 2, manifests: [] }),
      );
      for (const platforms of [undefined, ['linux/amd64']]) {
        const report = await verifyRepository({ repository: at('app'), platforms }, options);
        const told = report.tags.map(({ tag, ok, images }) => [
          tag.slice(0, 10),
          ok,
          images.map((one) => one.artifact === true),
        ]);
        expect(told.filter(([tag]) => tag !== 'empty')).to.deep.equal([
          ['artifact', true, [true]],
          ['chart', true, [true]],
          ['image', true, [false]],
          ['provenance', true, [true]],
          ['sha256-000', true, [true]],
        ]);
      }
    });

    it('tells of tags without a manifest, and of manifests that cannot be read', async () => {
      await publish(makePlatform('linux/amd64'), at('app:good'));
      registry.addManifest(
        'app',
        'old',
        'application/vnd.docker.distribution.manifest.v1+json',
        document({ schemaVersion: 1 }),
      );
      registry.addManifest(
        'app',
        'odd',
        mediaTypes.ociManifest,
        document({ schemaVersion: 2, layers: 'none' }),
      );
      const gone = makePlatform('linux/arm64', 'gone');
      await publish(gone, at('app:gone'));
      const [child] = JSON.parse(registry.manifest('app', 'gone')?.bytes.toString() ?? '').manifests;
      registry.faults.push({ method: 'GET', url: new RegExp(child.digest), status: 404 });
      const report = await verifyRepository({ repository: at('app') }, options);
      const told = new Map(
        report.tags.map(({ tag, ok, images }) => [tag, [ok, images[0]?.problems[0]?.kind]]),
      );
      expect(told.get('good')).to.deep.equal([true, undefined]);
      expect(told.get('old')).to.deep.equal([false, 'unverified']);
      expect(told.get('gone')).to.deep.equal([false, 'missing-blob']);
      expect(told.get('odd')).to.deep.equal([false, 'unverified']);
      expect(report.ok).to.equal(false);
    });

    it('says that a platform is missing where it is asked for', async () => {
      await publish(makePlatform('linux/amd64'), at('app:1'));
      const report = await verifyRepository({ repository: at('app'), platforms: ['linux/arm64'] }, options);
      expect(report.tags[0]?.images.map(({ platform, ok }) => [platform, ok])).to.deep.equal([
        ['linux/arm64', false],
      ]);
    });

    it('fails as a whole when the registry does', async () => {
      await publish(makePlatform('linux/amd64'), at('app:1'));
      expect(await rejection(verifyRepository({ repository: at('nothing') }, options))).to.have.property(
        'code',
        'REPOSITORY_NOT_FOUND',
      );
      expect(await rejection(verifyRepository({ repository: at('app:1') }, options))).to.have.property(
        'code',
        'INVALID_REFERENCE',
      );
      await registry.close();
      expect(await rejection(verifyRepository({ repository: at('app') }, options))).to.have.property(
        'code',
        'REGISTRY_UNREACHABLE',
      );
      registry = await startTestRegistry();
    });

    it('stops when told to', async () => {
      for (const tag of ['1', '2', '3']) await publish(makePlatform('linux/amd64', tag), at(`app:${tag}`));
      const controller = new AbortController();
      const verifying = verifyRepository(
        { repository: at('app'), jobs: 1 },
        { ...options, signal: controller.signal, onTag: () => controller.abort(new Error('enough')) },
      );
      expect((await rejection(verifying)).message).to.equal('enough');
    });
  });

  describe('the base', () => {
    /** A base that lies for arm64: its shell is for x86-64. */
    const base = (): ReturnType<typeof makeImage> =>
      makeImage(
        { platform: 'linux/amd64', layers: [[shell('x64')]] },
        { platform: 'linux/arm64', layers: [[shell('x64'), { path: 'arm64', content: '' }]] },
      );
    const onBase = (
      annotations: Record<string, string>,
      platform = 'linux/arm64',
      below?: readonly TarInput[],
    ) =>
      makeImage({
        platform,
        layers: [
          below ?? [shell('x64'), ...(platform === 'linux/arm64' ? [{ path: 'arm64', content: '' }] : [])],
          [program('app', platform === 'linux/arm64' ? 'arm64' : 'x64')],
        ],
        config,
        annotations,
      });

    it('counts when nobody names it', async () => {
      await publish(base(), at('base:1'));
      await publish(onBase({}), at('app:1'));
      const report = await verifyReference({ reference: at('app:1') }, options);
      expect(report.images[0]?.problems.map(({ path }) => path)).to.deep.equal(['bin/sh']);
    });

    it('is left out when a flag names it', async () => {
      await publish(base(), at('base:1'));
      await publish(onBase({}), at('app:1'));
      const request = { reference: at('app:1'), base: at('base:1') };
      expect((await verifyReference(request, options)).ok).to.equal(true);
      const all = await verifyRepository({ repository: at('app'), base: at('base:1') }, options);
      expect(all.ok).to.equal(true);
    });

    it('is left out when annotations name it, by name and digest', async () => {
      await publish(base(), at('base:1'));
      const { root } = base();
      const rows: readonly (readonly [Record<string, string>, boolean])[] = [
        [{ [name]: at('base:1'), [digest]: root.digest }, true],
        [{ [name]: at('base') }, false],
        [{ [digest]: root.digest }, false],
      ];
      for (const [annotations, ok] of rows) {
        await publish(onBase(annotations), at('app:1'));
        const report = await verifyReference({ reference: at('app:1') }, options);
        expect(report.ok, JSON.stringify(annotations)).to.equal(ok);
      }
    });

    it("does not excuse another platform's base", async () => {
      await publish(base(), at('base:1'));
      const wrong = onBase({ [name]: at('base:1'), [digest]: base().root.digest }, 'linux/arm64', [
        shell('x64'),
      ]);
      await publish(wrong, at('app:1'));
      const byAnnotation = await verifyReference({ reference: at('app:1') }, options);
      expect(byAnnotation.images[0]?.problems.map(({ path }) => path)).to.deep.equal(['bin/sh']);
      const byFlag = await verifyReference({ reference: at('app:1'), base: at('base:1') }, options);
      expect(byFlag.ok).to.equal(false);
    });

    it('is a note when it is not to be had', async () => {
      const rows: readonly (readonly [Record<string, string>, RegExp])[] = [
        [{ [name]: at('base:1'), [digest]: digestOf('gone') }, /there is no image/],
        [{ [name]: 'UPPER', [digest]: digestOf('x') }, /UPPER/],
        [{ [name]: at('base:1'), [digest]: 'latest' }, /is no digest/],
        [{ [name]: '169.254.169.254/base:1', [digest]: digestOf('x') }, /on a private host/],
        [{ [name]: '[::1]:9/base:1', [digest]: digestOf('x') }, /on a private host/],
      ];
      for (const [annotations, why] of rows) {
        await publish(onBase(annotations), at('app:1'));
        const report = await verifyReference({ reference: at('app:1') }, options);
        const note = report.images[0]?.notes.find(({ kind }) => kind === 'base-unknown');
        expect(note?.why, JSON.stringify(annotations)).to.match(why);
        expect(report.ok).to.equal(false);
      }
    });

    it('is left out and yet must be there: a layer that is gone is a problem', async () => {
      await publish(base(), at('base:1'));
      const image = onBase({});
      await publish(image, at('app:1'));
      const [below = ''] = image.layers[0] ?? [];
      registry.requests.length = 0;
      const request = { reference: at('app:1'), base: at('base:1') };
      expect((await verifyReference(request, options)).ok).to.equal(true);
      expect(blobReads()).to.not.include(below);
      registry.faults.push({ method: 'HEAD', url: new RegExp(`app/blobs/${below}`), status: 404, times: 2 });
      for (const report of [
        await verifyReference(request, options),
        (await verifyRepository({ repository: at('app'), base: at('base:1') }, options)).tags[0],
      ]) {
        expect(report?.images[0]?.problems).to.deep.equal([
          { kind: 'missing-blob', layer: below, found: 'nothing', expected: mediaTypes.ociLayerGzip },
        ]);
      }
    });

    it('may be a single image, of the platform that its config says', async () => {
      const platforms = { 'linux/arm64': true, 'linux/amd64': false };
      for (const [platform, ok] of Object.entries(platforms)) {
        const layers = [[shell('x64'), { path: 'arm64', content: '' }]];
        const single = await onlyImage(makeImage({ platform, layers }));
        await publish(single, at('single:1'));
        await publish(onBase({ [name]: at('single:1'), [digest]: single.root.digest }), at('app:1'));
        const report = await verifyReference({ reference: at('app:1') }, options);
        expect(report.ok, platform).to.equal(ok);
      }
    });

    it('must be there when a flag names it', async () => {
      await publish(onBase({}), at('app:1'));
      const verifying = verifyReference({ reference: at('app:1'), base: at('base:1') }, options);
      expect(await rejection(verifying)).to.have.property('code', 'IMAGE_NOT_FOUND');
    });
  });

  it('is strict where that is asked for: what is a note fails', async () => {
    const noted = makeImage({
      ...recipe('linux/arm64', 'arm64'),
      layers: [[program('app', 'arm64')], [program('opt/tool', 'x64')]],
    });
    await publish(noted, at('app:1'));
    for (const [strict, ok] of [
      [undefined, true],
      [true, false],
    ] as const) {
      const one = await verifyReference({ reference: at('app:1'), strict }, options);
      expect(one.ok).to.equal(ok);
      expect(one.images[0]?.problems).to.deep.equal([]);
      expect(one.images[0]?.notes.map(({ kind }) => kind)).to.deep.equal(['foreign-elf']);
      expect((await verifyRepository({ repository: at('app'), strict }, options)).ok).to.equal(ok);
    }
  });

  it('reads layouts and archives too', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-verify-'));
    try {
      const sink = await createLayoutSink(join(directory, 'image'));
      await copyImage(makeImage(recipe('linux/arm64', 'x64')), sink, { tags: ['lie'] });
      await copyImage(makePlatform('linux/arm64'), sink, { tags: ['good'] });
      const environment = { ...options.environment, workingDirectory: directory };
      const report = (reference: string) => verifyReference({ reference }, { ...options, environment });
      expect((await report('oci:image:good')).ok).to.equal(true);
      expect((await report('oci:image:lie')).images[0]?.problems[0]?.path).to.equal('app');
      expect(await rejection(report('oci:image:none'))).to.have.property('code', 'IMAGE_NOT_FOUND');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  describe('the command', () => {
    const run = async (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
      const world = fakeIo({ environment: { HOME: '/nowhere', MABUILD_CACHE: '/dev/null/no' } });
      const code = await runProgram(world.io, ['verify', ...words]);
      return { code, stdout: world.stdout(), stderr: world.stderr() };
    };

    it('tells of a repository as text and as JSON', async () => {
      const lie = makeImage(recipe('linux/arm64', 'x64'));
      const good = makePlatform('linux/arm64');
      await publish(good, at('app:1'));
      await publish(good, at('app:latest'));
      await publish(lie, at('app:bad'));
      const [manifest] = JSON.parse(registry.manifest('app', 'bad')?.bytes.toString() ?? '').manifests;
      const text = await run('--all-tags', at('app'));
      expect(text).to.deep.equal({
        code: 1,
        stderr: '',
        stdout: [
          `${at('app')}: 1 of 3 tags not what they say`,
          '1, latest: ok (linux/arm64)',
          'bad: not what it says',
          `  linux/arm64 ${manifest.digest} failed`,
          `    elf-machine: app in layer ${lie.layers[0]?.[0]} is x86-64`,
          '',
        ].join('\n'),
      });
      const json = await run('--all-tags', at('app'), '--format', 'json');
      expect(json.code).to.equal(1);
      const told = JSON.parse(json.stdout);
      expect(told).to.deep.include({
        version: 1,
        repository: at('app'),
        ok: false,
        tags: [
          { tag: '1', digest: good.root.digest, ok: true },
          { tag: 'bad', digest: lie.root.digest, ok: false },
          { tag: 'latest', digest: good.root.digest, ok: true },
        ],
      });
      expect(
        told.manifests.map(({ tags, ok }: VerifiedTag & { tags: string[] }) => [tags, ok]),
      ).to.deep.equal([
        [['1', 'latest'], true],
        [['bad'], false],
      ]);
      expect(told.manifests[1].images[0].problems[0]).to.include({ kind: 'elf-machine', path: 'app' });
    });

    it('exits 0 when nothing lies, 2 and 3 when it could not look', async () => {
      await publish(makePlatform('linux/arm64'), at('app:1'));
      expect(await run('--all-tags', at('app'))).to.deep.include({
        code: 0,
        stdout: `${at('app')}: 1 tag ok\n1: ok (linux/arm64)\n`,
      });
      expect((await run('--all-tags', at('app:1'))).code).to.equal(2);
      expect((await run('--jobs', '0', at('app:1'))).code).to.equal(2);
      expect((await run('--all-tags', at('nothing'))).code).to.equal(1);
    });
  });
});

function program(path: string, machine: 'x64' | 'arm64'): TarInput {
  return { path, mode: 0o755, content: makeElf({ machine: machines[machine], type: 2 }) };
}

function shell(machine: 'x64' | 'arm64'): TarInput {
  return program('bin/sh', machine);
}

function layer(path: string, content: string): readonly TarInput[] {
  return [{ path, content }];
}

function recipe(
  platform: string,
  machine: 'x64' | 'arm64',
  ...below: readonly (readonly TarInput[])[]
): ImageRecipe {
  return { platform, layers: [...below, [program('app', machine)]], config };
}
