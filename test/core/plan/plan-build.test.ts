import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Emulation, type Engine, type EngineInfo, type PlanRequest, planBuild } from '@mabuild/core';
import {
  type DescribedDocument,
  describe as describeDocument,
  formatReference,
  type ImageResolver,
  isMabuildError,
  MabuildError,
  makeIndex,
  mediaTypes,
  parsePlatform,
} from '@mabuild/oci';
import { expect } from 'chai';

interface FakeImage {
  readonly platforms: readonly string[];
  readonly onBuild?: readonly string[];
}

const images: Readonly<Record<string, FakeImage>> = {
  'docker.io/library/busybox:latest': {
    platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/arm/v5'],
  },
  'docker.io/library/node:24': { platforms: ['linux/amd64', 'linux/arm64'] },
  'docker.io/library/trigger:latest': {
    platforms: ['linux/amd64', 'linux/arm/v7'],
    onBuild: ['COPY . /src', 'run make'],
  },
  'myreg.example/node-arm:24': { platforms: ['linux/arm/v7'] },
};

/** Images in memory, as a registry would give them. */
function fakeResolver(asked: string[]): ImageResolver {
  return {
    async resolve(reference) {
      const name = formatReference(reference);
      asked.push(name);
      const image = images[name];
      if (!image) throw new MabuildError(`there is no image ${name}`, { code: 'IMAGE_NOT_FOUND' });
      const documents: DescribedDocument[] = [];
      const children = image.platforms.map((text) => {
        const platform = parsePlatform(text);
        const config = describeDocument(
          {
            ...platform,
            config: { OnBuild: image.onBuild ?? null },
            rootfs: { type: 'layers', diff_ids: [] },
          },
          mediaTypes.ociConfig,
        );
        const manifest = describeDocument(
          { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: config.descriptor, layers: [] },
          mediaTypes.ociManifest,
        );
        documents.push(config, manifest);
        return { ...manifest.descriptor, platform };
      });
      const index = makeIndex(children);
      documents.push(index);
      return {
        root: index.descriptor,
        read: async ({ digest }) =>
          Readable.from([
            documents.find(({ descriptor }) => descriptor.digest === digest)?.bytes ?? Buffer.alloc(0),
          ]),
      };
    },
  };
}

function fakeEngine(arm: Emulation, info: Partial<EngineInfo> = {}): Engine {
  return {
    info: {
      kind: 'docker',
      endpoint: 'unix:///fake.sock',
      foundBy: 'test',
      version: '28.0.0',
      apiVersion: '1.48',
      builders: ['buildkit', 'classic'],
      platform: { os: 'linux', architecture: 'amd64' },
      local: true,
      imageStore: 'graphdriver',
      mirrors: [],
      hasBridge: true,
      capabilities: { heredoc: true, link: true, runNetwork: true },
      ...info,
    },
    emulation: async (platform: { architecture: string }) =>
      platform.architecture === 'amd64' ? { kind: 'native' } : arm,
    inspect: async () => undefined,
  } as unknown as Engine;
}

const binfmt: Emulation = { kind: 'binfmt', interpreter: '/usr/bin/qemu-arm' };
const withoutF: Emulation = { kind: 'binfmt-without-f', interpreter: '/usr/bin/qemu-arm-static' };

describe('planBuild', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-plan-'));
    // An ELF header of a static amd64 program, as far as findQemu looks.
    const program = Buffer.alloc(64);
    program.writeUInt32BE(0x7f454c46, 0);
    program.set([2, 1, 1], 4);
    program.writeUInt16LE(2, 16);
    program.writeUInt16LE(62, 18);
    await writeFile(join(directory, 'qemu-arm-static'), program);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  function request(dockerfile: string, given: Partial<PlanRequest> = {}): PlanRequest {
    return {
      dockerfile,
      file: 'Dockerfile',
      platforms: ['linux/amd64', 'linux/arm/v7'].map((platform) => parsePlatform(platform)),
      buildArgs: {},
      labels: {},
      noCache: false,
      pull: false,
      network: 'default',
      builder: 'auto',
      emulation: 'auto',
      baseStyle: 'index',
      images: {},
      emulatorDirectories: [directory],
      keepEmulator: false,
      ...given,
    };
  }

  it('asks for each base once, pins it by the index for BuildKit and by the manifest for classic', async () => {
    for (const [builder, pin] of [
      ['buildkit', /^FROM busybox:latest@sha256:/m],
      ['classic', /^FROM busybox@sha256:/m],
    ] as const) {
      const asked: string[] = [];
      const { plan } = await planBuild(
        request('FROM busybox AS a\nRUN true\nFROM busybox\nCOPY --from=a /x /\n', { builder }),
        {
          engine: fakeEngine(binfmt),
          resolver: fakeResolver(asked),
        },
      );
      expect(asked).to.deep.equal(['docker.io/library/busybox:latest']);
      expect(plan.tasks.map((task) => [task.engine, task.strategy])).to.deep.equal([
        [builder, 'native'],
        [builder, 'emulated'],
      ]);
      for (const task of plan.tasks) expect(task.dockerfile).to.match(pin);
      const [x64, arm] = plan.tasks.map((task) => task.finalBase);
      expect(x64?.digest).to.equal(arm?.digest);
      expect(x64?.manifestDigest).to.not.equal(arm?.manifestDigest);
      expect(JSON.parse(JSON.stringify(plan)), 'plain JSON').to.deep.equal(plan);
    }
  });

  it('lends an emulator only where the kernel needs it and something runs', async () => {
    const rows = [
      { emulation: binfmt, text: 'FROM busybox\nRUN true\n', lent: false },
      { emulation: withoutF, text: 'FROM busybox\nRUN true\n', lent: true },
      { emulation: withoutF, text: 'FROM busybox\nCOPY a /\n', lent: false },
      { emulation: { kind: 'native' } as const, text: 'FROM busybox\nRUN true\n', lent: false },
    ];
    for (const { emulation, text, lent } of rows) {
      const { tasks } = await planBuild(request(text), {
        engine: fakeEngine(emulation),
        resolver: fakeResolver([]),
      });
      expect(tasks[0]?.emulator).to.equal(undefined);
      expect(tasks[1]?.emulator !== undefined, `${emulation.kind} ${text}`).to.equal(lent);
      // Both platforms share the context, and so the name that must not be published.
      expect(tasks.map((task) => task.addedFolder !== undefined)).to.deep.equal([lent, lent]);
    }
  });

  it('follows a mapping of the user for ARM, and tells of a lower variant', async () => {
    const mapped = await planBuild(
      request('FROM node:24\n', { images: { node: 'myreg.example/node-arm' } }),
      {
        engine: fakeEngine(binfmt),
        resolver: fakeResolver([]),
      },
    );
    expect(mapped.plan.tasks.map((task) => task.finalBase?.reference)).to.deep.equal([
      'docker.io/library/node:24',
      'myreg.example/node-arm:24',
    ]);
    const v6 = await planBuild(request('FROM busybox\n', { platforms: [parsePlatform('linux/arm/v6')] }), {
      engine: fakeEngine(binfmt),
      resolver: fakeResolver([]),
    });
    expect(v6.plan.findings.map(({ rule }) => rule)).to.deep.equal(['base-image-substitute']);
  });

  it('does not say of an image that was resolved that its platforms are unknown', async () => {
    const { plan } = await planBuild(
      request('FROM myreg.example/node-arm:24\n', { platforms: [parsePlatform('linux/arm/v7')] }),
      { engine: fakeEngine(binfmt), resolver: fakeResolver([]) },
    );
    expect(plan.findings).to.deep.equal([]);
  });

  const refused: readonly {
    what: string;
    text: string;
    emulation?: Emulation;
    given?: Partial<PlanRequest>;
    code: string;
    line?: number;
    says: RegExp;
  }[] = [
    {
      what: 'a base without the platform',
      text: 'FROM busybox AS a\n\nFROM node:24\n',
      code: 'BASE_PLATFORM_MISSING',
      line: 3,
      says: /node:24 has no image for linux\/arm\/v7/,
    },
    {
      what: 'a source of COPY without the platform',
      text: 'FROM busybox\nCOPY --from=node:24 /a /b\n',
      code: 'BASE_PLATFORM_MISSING',
      line: 2,
      says: /node:24/,
    },
    {
      what: 'a base that is nowhere',
      text: 'FROM absent\n',
      code: 'BASE_NOT_FOUND',
      line: 1,
      says: /absent/,
    },
    {
      what: 'a base whose ONBUILD would run before the injection',
      text: '# x\nFROM trigger\nRUN true\n',
      emulation: withoutF,
      code: 'BASE_ONBUILD_RUNS',
      line: 2,
      says: /run make/,
    },
    {
      what: 'RUN where nothing emulates',
      text: 'FROM busybox\nRUN true\n',
      emulation: { kind: 'none' },
      code: 'EMULATION_MISSING',
      says: /linux\/arm\/v7/,
    },
    {
      what: 'injection when only binfmt is allowed',
      text: 'FROM busybox\nRUN true\n',
      emulation: withoutF,
      given: { emulation: 'binfmt' },
      code: 'EMULATION_MISSING',
      says: /inside the container/,
    },
    {
      what: 'an emulator that is nowhere',
      text: 'FROM busybox\nRUN true\n',
      emulation: withoutF,
      given: { emulatorDirectories: ['/nonexistent'] },
      code: 'QEMU_NOT_FOUND',
      says: /\/nonexistent/,
    },
    {
      what: 'a target that is no stage',
      text: 'FROM busybox AS a\n',
      given: { target: 'b' },
      code: 'TARGET_NOT_FOUND',
      says: /"b"/,
    },
    {
      what: 'a mount on the classic builder',
      text: 'FROM busybox\nRUN --mount=type=cache,target=/c true\n',
      given: { builder: 'classic' },
      code: 'NEEDS_BUILDKIT',
      line: 2,
      says: /mount/,
    },
    {
      what: 'a syntax error',
      text: 'FROM busybox\nRUNN x\n',
      code: 'DOCKERFILE_SYNTAX',
      line: 2,
      says: /RUNN/i,
    },
  ];
  for (const { what, text, emulation = binfmt, given, code, line, says } of refused) {
    it(`refuses ${what}`, async () => {
      const error = await planBuild(request(text, given), {
        engine: fakeEngine(emulation),
        resolver: fakeResolver([]),
      }).then(
        () => expect.fail('it was planned'),
        (thrown: unknown) => thrown,
      );
      if (!isMabuildError(error)) throw error;
      expect(error.code).to.equal(code);
      expect(error.message).to.match(says);
      expect(error.location?.line).to.equal(line);
    });
  }

  it('accepts the ONBUILD of a base where nothing need be injected', async () => {
    const { plan } = await planBuild(request('FROM trigger\nRUN true\n'), {
      engine: fakeEngine(binfmt),
      resolver: fakeResolver([]),
    });
    expect(plan.tasks).to.have.length(2);
  });

  it('refuses a builder that the engine lacks', async () => {
    const engine = fakeEngine(binfmt, { builders: ['classic'], kind: 'podman' });
    const error = await planBuild(request('FROM busybox\n', { builder: 'buildkit' }), {
      engine,
      resolver: fakeResolver([]),
    }).then(
      () => expect.fail('it was planned'),
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('code', 'ENGINE_LACKS_BUILDER');
  });
});
