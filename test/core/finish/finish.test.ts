import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { PlannedTask } from '@mabuild/core';
import {
  type Descriptor,
  digestOf,
  formatPlatform,
  type HistoryEntry,
  type ImageReference,
  MabuildError,
  mediaTypes,
  type Platform,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  parsePlatform,
  parseReference,
  readDocument,
} from '@mabuild/oci';
import { expect } from 'chai';
import type { ResolvedBase } from '../../../packages/core/src/bases/resolve-bases.ts';
import type { Engine, ExportOptions } from '../../../packages/core/src/engines/engine.ts';
import type { BuildEvent } from '../../../packages/core/src/events.ts';
import { type BuiltImage, finishImage } from '../../../packages/core/src/finish/finish.ts';
import type { FinishOptions } from '../../../packages/core/src/finish/finish-options.ts';
import { openMemory } from '../../../packages/core/src/memory.ts';
import { armFlags, machines, makeElf } from '../../support/elf.ts';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { rejection } from '../../support/rejection.ts';
import { makeTar, type TarInput } from '../../support/tar.ts';

type Finished = Omit<BuiltImage, 'seconds'>;

const v7 = parsePlatform('linux/arm/v7');
const armProgram = makeElf({ machine: machines.arm, flags: armFlags.hard });
const x64Program = makeElf({ machine: machines.x64 });
const app: readonly TarInput[] = [{ path: 'app', content: armProgram, mode: 0o755 }];
const baseLayer: readonly TarInput[] = [
  { path: 'usr/', folder: true },
  { path: 'usr/bin/', folder: true },
  { path: 'usr/bin/sh', content: armProgram, mode: 0o755 },
];
const emulatorPath = '/usr/bin/qemu-arm-static';
const emulator = Buffer.alloc(3000, 'q');
const lent: readonly TarInput[] = [
  { path: 'usr/', folder: true },
  { path: 'usr/bin/', folder: true },
  { path: emulatorPath.slice(1), content: emulator, mode: 0o755 },
];

/** An image in the engine, as a classic builder leaves it. */
interface InEngine {
  readonly layers: readonly (readonly TarInput[])[];
  /** What `inspect` says. */
  readonly platform?: Platform;
  /** What the config says. */
  readonly config?: Readonly<Record<string, unknown>>;
}

let folder: string;
let exports: number;
/** Paths of layers that were written to disk. */
let spooled: string[];
let events: BuildEvent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mabuild-finish-'));
  await Promise.all(['temporary', 'blobs'].map((name) => mkdir(join(folder, name))));
  await writeFile(join(folder, 'qemu'), emulator);
  exports = 0;
  spooled = [];
  events = [];
});
afterEach(async () => {
  const left = await readdir(join(folder, 'temporary'));
  await rm(folder, { recursive: true, force: true });
  expect(left).to.deep.equal([]);
});

/** An engine that has one image. */
function engineWith({ layers, config = {} }: InEngine): Engine {
  const tars = layers.map((layer) => makeTar(layer));
  const bytes = Buffer.from(
    JSON.stringify({
      ...{
        os: 'linux',
        architecture: 'arm',
        config: { Entrypoint: ['/app'] },
        created: '2024-05-01T00:00:00Z',
      },
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
      ...config,
    }),
  );
  return {
    async export(_id: string, { directory, known }: ExportOptions) {
      exports += 1;
      const exported = [];
      for (const tar of tars) {
        const diffId = digestOf(tar);
        const path = `${diffId.slice(7)}/layer.tar`;
        if ((await known?.(path)) === diffId) {
          exported.push({ path, diffId, file: undefined, compression: 'none' as const });
          continue;
        }
        const file = join(directory, String(exported.length));
        await writeFile(file, tar);
        spooled.push(path);
        exported.push({ path, diffId, file, compression: 'none' as const });
      }
      return { config: bytes, layers: exported };
    },
  } as Partial<Engine> as Engine;
}

interface Base {
  readonly resolved: ResolvedBase;
  readonly layer: Descriptor;
  readonly image: MadeImage;
}

async function makeBase(layer: readonly TarInput[] = baseLayer): Promise<Base> {
  const image = makeImage({ platform: 'linux/arm/v7', layers: [layer] });
  const reference: ImageReference = parseReference('registry.example/base:1');
  const source = { ...image, mountableFrom: () => reference };
  const [manifestDescriptor] = parseImageIndex(await readDocument(source, image.root)).manifests;
  if (manifestDescriptor === undefined) throw new Error('the base has no image');
  const manifest = parseImageManifest(await readDocument(source, manifestDescriptor));
  const config = parseImageConfig(await readDocument(source, manifest.config));
  return {
    image,
    layer: manifest.layers[0] as Descriptor,
    resolved: {
      ...{ reference, platform: v7, use: 'from', location: { line: 1, column: 1 }, root: image.root },
      ...{ manifestDescriptor, manifest, config, source },
    },
  };
}

interface Given extends Partial<FinishOptions> {
  readonly base?: Base;
  readonly platform?: string;
  readonly lendEmulator?: boolean;
  readonly addedFolder?: string;
  readonly id?: string;
  readonly dockerfile?: string;
}

async function finish(image: InEngine, given: Given = {}): Promise<Finished> {
  const { base, platform = 'linux/arm/v7', lendEmulator, addedFolder, id = 'sha256:1', ...options } = given;
  const planned = {
    task: {
      ...{ platform: parsePlatform(platform), engine: 'classic', strategy: 'emulated', dockerfile: '' },
      ...{ addedFiles: [], buildArgs: {}, bases: [], finalBase: undefined },
    },
    build: {
      ...{ builder: 'classic', platform: parsePlatform(platform), buildArgs: {} },
      dockerfile: given.dockerfile ?? 'FROM busybox\n',
    },
    finalBase: base?.resolved,
    emulator: lendEmulator ? { file: join(folder, 'qemu'), path: emulatorPath } : undefined,
    addedFolder,
  } as unknown as PlannedTask;
  return finishImage(
    planned,
    { id, platform: image.platform ?? { os: 'linux', architecture: 'arm' } },
    {
      ...{ engine: engineWith(image), memory: openMemory(join(folder, 'memory')) },
      ...{ blobDirectory: join(folder, 'blobs'), temporaryDirectory: join(folder, 'temporary') },
      ...{
        keepEmulator: false,
        verify: true,
        manifestType: 'oci',
        onEvent: (event) => void events.push(event),
      },
      ...options,
    },
  );
}

async function layersOf({ source, descriptor }: Finished): Promise<readonly Descriptor[]> {
  return parseImageManifest(await readDocument(source, descriptor)).layers;
}

/** Paths of each layer of the finished image, every digest checked on the way. */
async function contents(image: Finished): Promise<readonly (readonly string[])[]> {
  const all = [];
  const diffIds = image.config.rootfs.diff_ids;
  for (const [index, layer] of (await layersOf(image)).entries()) {
    const bytes = await buffer(await image.source.read(layer));
    expect(digestOf(bytes)).to.equal(layer.digest);
    const tar = gunzipSync(bytes);
    expect(digestOf(tar)).to.equal(diffIds[index]);
    all.push(pathsOf(tar));
  }
  return all;
}

function pathsOf(tar: Buffer): readonly string[] {
  const paths = [];
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    paths.push(tar.toString('utf8', at, tar.indexOf(0, at)));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return paths;
}

describe('finishImage', () => {
  describe('base layers', () => {
    it("are the base's own blobs, read from the base and mountable from it", async () => {
      const base = await makeBase();
      const image = await finish({ layers: [baseLayer, app] }, { base });
      const [first, second] = await layersOf(image);
      expect(first).to.include({ digest: base.layer.digest, size: base.layer.size });
      expect(await image.source.mountableFrom?.(first as Descriptor)).to.equal(base.resolved.reference);
      expect(await image.source.mountableFrom?.(second as Descriptor)).to.equal(undefined);
      expect(await contents(image)).to.deep.equal([baseLayer.map(({ path }) => path), ['app']]);
      expect(base.image.reads).to.include(base.layer.digest);
      expect(await readdir(join(folder, 'blobs/blobs/sha256'))).to.deep.equal([second?.digest.slice(7)]);
    });

    it('are own layers where the build stands on something else', async () => {
      const base = await makeBase([{ path: 'other', content: 'x' }]);
      const image = await finish({ layers: [baseLayer, app] }, { base });
      expect((await layersOf(image)).map(({ digest }) => digest)).not.to.include(base.layer.digest);
      expect(await contents(image)).to.have.length(2);
    });

    it('do not exist for scratch', async () => {
      expect(await contents(await finish({ layers: [app] }))).to.deep.equal([['app']]);
    });
  });

  describe('the platform', () => {
    const right: readonly (readonly [string, Partial<Platform>, Partial<Platform>, string, string])[] = [
      ['a variant that nobody says', {}, {}, 'linux/arm/v7', 'linux/arm/v7'],
      ['a lower variant', { variant: 'v6' }, { variant: 'v6' }, 'linux/arm/v7', 'linux/arm/v7'],
      ['the variant itself', { variant: 'v7' }, { variant: 'v7' }, 'linux/arm/v7', 'linux/arm/v7'],
      [
        'v8 of arm64',
        { architecture: 'arm64' },
        { architecture: 'arm64', variant: 'v8' },
        'linux/arm64',
        'linux/arm64',
      ],
    ];
    for (const [what, inspected, configured, wanted, stated] of right) {
      it(`${what}: states ${stated} in the descriptor and in the config`, async () => {
        const program = makeElf({
          machine: wanted === 'linux/arm64' ? machines.arm64 : machines.arm,
          flags: 0x05000400,
        });
        const image = await finish(
          {
            layers: [[{ path: 'app', content: program, mode: 0o755 }]],
            platform: { os: 'linux', architecture: 'arm', ...inspected },
            config: { architecture: 'arm', ...configured },
          },
          { platform: wanted },
        );
        expect(formatPlatform(image.descriptor.platform as Platform)).to.equal(stated);
        const { os, architecture, variant } = image.config as unknown as Platform;
        expect([os, architecture, variant].filter(Boolean).join('/')).to.equal(stated);
      });
    }

    const wrong: readonly (readonly [
      string,
      Partial<Platform>,
      Readonly<Record<string, unknown>>,
      string,
    ])[] = [
      ['another architecture', { architecture: 'amd64' }, { architecture: 'amd64' }, 'linux/arm/v7'],
      ['another system', { os: 'windows' }, { os: 'windows' }, 'linux/arm/v7'],
      ['a higher variant', { variant: 'v7' }, { variant: 'v7' }, 'linux/arm/v6'],
      ['a config that says something else', {}, { architecture: 'amd64' }, 'linux/arm/v7'],
    ];
    it('is taken from the request when the image stands on nothing', async () => {
      const image = await finish(
        {
          layers: [app],
          platform: { os: 'linux', architecture: 'amd64' },
          config: { architecture: 'amd64' },
        },
        { dockerfile: 'FROM busybox AS a\nFROM scratch AS b\nFROM b\n' },
      );
      expect(image.config).to.include({ os: 'linux', architecture: 'arm' });
    });

    for (const [what, inspected, config, wanted] of wrong) {
      it(`${what} is refused`, async () => {
        const platform = { os: 'linux', architecture: 'arm', ...inspected };
        const error = await rejection(finish({ layers: [app], platform, config }, { platform: wanted }));
        expect(error.code).to.equal('WRONG_ARCHITECTURE');
        expect(error.message).to.contain(`the build for ${wanted} gave an image for`);
      });
    }
  });

  describe('verification', () => {
    const layers = [[{ path: 'app', content: x64Program, mode: 0o755 }]];

    it('refuses a program that does not run there, naming it and its layer', async () => {
      const error = await rejection(finish({ layers }));
      expect(error.code).to.equal('VERIFICATION_FAILED');
      expect(error.message).to.match(/linux\/arm\/v7 is not what it says: app in layer sha256:\w+ is x86-64/);
    });

    it('refuses it again when the image is remembered', async () => {
      await rejection(finish({ layers }));
      expect((await rejection(finish({ layers }))).code).to.equal('VERIFICATION_FAILED');
      expect(exports).to.equal(1);
    });

    it('lets it pass where it is not asked for', async () => {
      expect(await contents(await finish({ layers }, { verify: false }))).to.deep.equal([['app']]);
    });

    it("leaves the base's own programs to the base", async () => {
      const odd = [{ path: 'odd', content: x64Program, mode: 0o755 }];
      await finish({ layers: [odd, app] }, { base: await makeBase(odd) });
    });
  });

  describe('memory', () => {
    it('a second run exports nothing and gives the same', async () => {
      const base = await makeBase();
      const first = await finish({ layers: [baseLayer, app] }, { base });
      const second = await finish({ layers: [baseLayer, app] }, { base });
      expect(second.descriptor).to.deep.equal(first.descriptor);
      expect(exports).to.equal(1);
      expect(events.filter((event) => event.type === 'task')).to.have.length(1);
      expect(await contents(second)).to.deep.equal(await contents(first));
    });

    it('another image on the same layers writes only what is new', async () => {
      const base = await makeBase();
      await finish({ layers: [baseLayer, app] }, { base });
      spooled = [];
      const more = [{ path: 'more', content: 'x' }];
      const image = await finish({ layers: [baseLayer, app, more] }, { base, id: 'sha256:2' });
      expect(spooled).to.deep.equal([`${digestOf(makeTar(more)).slice(7)}/layer.tar`]);
      expect(await contents(image)).to.have.length(3);
    });

    it('a blob that was deleted is made again', async () => {
      const first = await finish({ layers: [app] });
      await rm(join(folder, 'blobs'), { recursive: true });
      const second = await finish({ layers: [app] });
      expect(exports).to.equal(2);
      expect(second.descriptor).to.deep.equal(first.descriptor);
      expect(await contents(second)).to.deep.equal([['app']]);
    });
  });

  describe('what a build adds for its own sake', () => {
    const history: readonly HistoryEntry[] = [
      { created_by: 'base' },
      { created_by: 'COPY the emulator' },
      { created_by: 'ENV', empty_layer: true },
      { created_by: 'COPY app' },
    ];
    const image: InEngine = { layers: [baseLayer, lent, app], config: { history } };

    it('an emulator goes, and its layer with its history', async () => {
      const finished = await finish(image, { base: await makeBase(), lendEmulator: true });
      expect(await contents(finished)).to.deep.equal([baseLayer.map(({ path }) => path), ['app']]);
      expect(finished.config.history?.map((entry) => entry.created_by)).to.deep.equal([
        'base',
        'ENV',
        'COPY app',
      ]);
    });

    it('an emulator goes out of a layer that holds other things', async () => {
      const finished = await finish(
        { layers: [baseLayer, [...lent, ...app]] },
        { base: await makeBase(), lendEmulator: true },
      );
      expect((await contents(finished))[1]).to.deep.equal(['app']);
    });

    it('an emulator is remembered as gone', async () => {
      const base = await makeBase();
      const first = await finish(image, { base, lendEmulator: true });
      const second = await finish(image, { base, lendEmulator: true });
      expect(exports).to.equal(1);
      expect(second.descriptor).to.deep.equal(first.descriptor);
    });

    it('an emulator stays when it is wanted, also after it was filtered once', async () => {
      const base = await makeBase();
      await finish(image, { base, lendEmulator: true });
      const kept = await finish(image, { base, lendEmulator: true, keepEmulator: true });
      expect((await contents(kept))[1]).to.include(emulatorPath.slice(1));
    });

    it('the folder that was added to the context goes', async () => {
      const copied = [
        ...app,
        { path: 'src/.added/', folder: true as const },
        { path: 'src/.added/x', content: 'x' },
      ];
      const finished = await finish({ layers: [copied] }, { addedFolder: '.added' });
      expect(await contents(finished)).to.deep.equal([['app']]);
    });
  });

  describe('documents', () => {
    const created = '2024-05-01T00:00:00Z';
    const history = [{ created: '2023-01-01T00:00:00Z', created_by: 'old' }];
    for (const [epoch, expected] of [
      [undefined, created],
      ['1700000000', '2023-11-14T22:13:20Z'],
      ['1900000000', created],
    ] as const) {
      it(`SOURCE_DATE_EPOCH ${epoch ?? 'unset'}: created is ${expected}`, async () => {
        const image = await finish({ layers: [app], config: { history } }, { sourceDateEpoch: epoch });
        expect(image.config.created).to.equal(expected);
        expect(image.config.history).to.deep.equal(history);
      });
    }

    it('clamps the history too', async () => {
      const image = await finish({ layers: [app], config: { history } }, { sourceDateEpoch: '0' });
      expect(image.config.history?.[0]?.created).to.equal('1970-01-01T00:00:00Z');
    });

    for (const [manifestType, manifest, layer] of [
      ['oci', mediaTypes.ociManifest, mediaTypes.ociLayerGzip],
      ['docker', mediaTypes.dockerManifest, mediaTypes.dockerLayerGzip],
    ] as const) {
      it(`are written in the words of ${manifestType}`, async () => {
        const image = await finish({ layers: [baseLayer, app] }, { base: await makeBase(), manifestType });
        expect(image.descriptor.mediaType).to.equal(manifest);
        expect((await layersOf(image)).map(({ mediaType }) => mediaType)).to.deep.equal([layer, layer]);
      });
    }
  });

  it('leaves nothing behind when the export fails', async () => {
    const failure = new MabuildError('exporting', { code: 'EXPORT_INVALID' });
    const engine = { export: () => Promise.reject(failure) } as Partial<Engine> as Engine;
    expect(await rejection(finish({ layers: [app] }, { engine }))).to.equal(failure);
  });

  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    expect(await rejection(finish({ layers: [app] }, { signal }))).to.equal(reason);
  });
});
