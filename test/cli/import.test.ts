import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  type ImageConfig,
  openDockerArchive,
  openLayout,
  openOciArchive,
  parseImageConfig,
  parseImageManifest,
  readDocument,
} from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type ImportRequest, importRootfs, verifyReference } from 'mabuild';
import { runProgram } from '../../packages/cli/src/program.ts';
import { containerConfigOf } from '../../packages/cli/src/sdk/images/container-config.ts';
import { armFlags, type ElfRecipe, machines, makeElf } from '../support/elf.ts';
import { fakeIo } from '../support/io.ts';
import { rejection } from '../support/rejection.ts';
import { makeTar, type TarInput } from '../support/tar.ts';

const armhf: ElfRecipe = {
  machine: machines.arm,
  type: 2,
  flags: armFlags.hard,
  attributes: { cpuArch: 10 },
};
const armel: ElfRecipe = { machine: machines.arm, type: 2, flags: armFlags.soft, attributes: { cpuArch: 4 } };
const x64: ElfRecipe = { machine: machines.x64, type: 2 };
const arm64: ElfRecipe = { machine: machines.arm64, type: 2 };

describe('importRootfs', () => {
  let registry: TestRegistry;
  let directory: string;
  before(async () => {
    registry = await startTestRegistry();
  });
  after(() => registry.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-import-'));
    await mkdir(join(directory, 'tmp'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const options = (variables: Record<string, string> = {}) => ({
    environment: {
      variables: { HOME: directory, ...variables },
      workingDirectory: directory,
      temporaryDirectory: join(directory, 'tmp'),
      cacheDirectory: join(directory, 'cache'),
    },
    config: {},
  });
  const run = (request: Partial<ImportRequest> & Pick<ImportRequest, 'rootfs'>, variables = {}) =>
    importRootfs(request, options(variables));
  const write = async (name: string, bytes: Buffer): Promise<string> => {
    await writeFile(join(directory, name), bytes);
    return name;
  };
  const leftovers = () => readdir(join(directory, 'tmp'));

  it('pushes an image whose entry, config and files agree', async () => {
    const rootfs = await write('rootfs.tar', system(armhf));
    const tag = `${registry.host}/base:1`;
    const result = await run(
      { rootfs, tags: [tag, `${registry.host}/other:2`] },
      { SOURCE_DATE_EPOCH: '1700000000' },
    );
    expect(result.platform).to.equal('linux/arm/v7');
    expect(result.references.map(({ reference }) => reference)).to.deep.equal([
      tag,
      `${registry.host}/other:2`,
    ]);
    expect(registry.tagOf('base', '1')).to.equal(result.digest);
    const manifest = parseImageManifest(registry.manifest('base', '1')?.bytes);
    expect(manifest.layers.map(({ digest }) => digest)).to.deep.equal([result.layer]);
    const layer = gunzipSync(registry.blob('base', result.layer) ?? Buffer.alloc(0));
    expect(layer.equals(system(armhf))).to.equal(true);
    const config = parseImageConfig(registry.blob('base', manifest.config.digest));
    expect(config).to.deep.include({
      created: '2023-11-14T22:13:20Z',
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      history: [
        {
          created: '2023-11-14T22:13:20Z',
          created_by: 'mabuild import',
          comment: 'imported from rootfs.tar',
        },
      ],
    });
    expect(config.config).to.deep.equal({
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    });
    expect((await verifyReference({ reference: tag }, options())).ok).to.equal(true);
    expect(await leftovers()).to.deep.equal([]);
  });

  it('gives the same digest for the same files and time', async () => {
    const rootfs = await write('rootfs.tar', system(x64));
    const [one, two] = [
      await run({ rootfs, output: { type: 'oci', path: 'one' } }, { SOURCE_DATE_EPOCH: '1' }),
      await run({ rootfs, output: { type: 'oci', path: 'two' } }, { SOURCE_DATE_EPOCH: '1' }),
    ];
    expect(one).to.deep.equal(two);
  });

  it('writes a layout, an OCI archive and a docker-archive', async () => {
    const rootfs = await write('rootfs.tgz', gzipSync(system(arm64)));
    const tags = ['base:1'];
    await run({ rootfs, tags, output: { type: 'oci', path: 'layout' } });
    await run({ rootfs, output: { type: 'oci', path: 'unnamed' } });
    await run({ rootfs, tags, output: { type: 'oci-archive', path: 'oci.tar' } });
    await run({ rootfs, tags, output: { type: 'docker-archive', path: 'docker.tar' } });
    for (const image of [
      await openLayout(join(directory, 'layout'), { tag: 'base:1' }),
      await openLayout(join(directory, 'unnamed'), { tag: 'latest' }),
      await openOciArchive(join(directory, 'oci.tar')),
      await openDockerArchive(join(directory, 'docker.tar'), {
        directory: join(directory, 'unpacked'),
        tag: 'base:1',
      }),
    ]) {
      const { config, layers } = parseImageManifest(await readDocument(image, image.root));
      expect(parseImageConfig(await readDocument(image, config))).to.include({ architecture: 'arm64' });
      expect(layers).to.have.length(1);
    }
    expect(await leftovers()).to.deep.equal([]);
  });

  it('reads standard input', async () => {
    const rootfs = Readable.from([gzipSync(system(x64))], { objectMode: false });
    const result = await run({ rootfs, output: { type: 'oci', path: 'layout' } });
    expect(result.platform).to.equal('linux/amd64');
    expect(await leftovers()).to.deep.equal([]);
  });

  it('says what containers start with', async () => {
    const rootfs = await write('rootfs.tar', system(x64));
    const request: Partial<ImportRequest> = {
      changes: ['CMD ["/bin/sh"]', 'ENV A=1 B="2 3"', 'USER root', 'LABEL a=b'],
      config: { Env: ['B=4', 'PATH=/bin'], User: 'me', Labels: { c: 'd' } },
    };
    await run({ rootfs, output: { type: 'oci', path: 'layout' }, ...request });
    expect((await configIn(join(directory, 'layout'))).config).to.deep.equal({
      Cmd: ['/bin/sh'],
      Env: ['A=1', 'B=4', 'PATH=/bin'],
      User: 'me',
      Labels: { a: 'b', c: 'd' },
    });
  });

  const good: readonly (readonly [string, readonly TarInput[], string, string])[] = [
    ['v6 code as v7', [program({ ...armhf, attributes: { cpuArch: 6 } })], 'linux/arm/v7', 'linux/arm/v7'],
    ['no program at all', [{ path: 'etc/passwd', content: '' }], 'linux/arm', 'linux/arm/v7'],
    [
      'Go programs that do not tell',
      [program({ ...armhf, flags: armFlags.go, attributes: {} })],
      'linux/arm/v6',
      'linux/arm/v6',
    ],
    [
      'x86 programs beside x86-64',
      [program(x64), program({ machine: machines.x86, type: 2 }, 'bin/old')],
      'amd64',
      'linux/amd64',
    ],
    ['another system', [program({ ...x64, osAbi: 9 })], 'freebsd/amd64', 'freebsd/amd64'],
    ['armel', [program(armel)], 'linux/arm/v5', 'linux/arm/v5'],
  ];
  for (const [title, entries, platform, labelled] of good) {
    it(`takes --platform ${platform} for ${title}`, async () => {
      const rootfs = await write('rootfs.tar', makeTar(entries));
      const result = await run({ rootfs, platform, output: { type: 'oci', path: 'layout' } });
      expect(result.platform).to.equal(labelled);
    });
  }

  const lies: readonly (readonly [string, readonly TarInput[], string, RegExp])[] = [
    [
      'x86-64',
      [program(x64)],
      'linux/arm64',
      /rootfs\.tar is not for linux\/arm64: \/bin\/sh is for linux\/amd64/,
    ],
    ['armhf', [program(armhf)], 'linux/arm64', /is for linux\/arm\/v7/],
    ['armel', [program(armel)], 'linux/arm/v7', /is for linux\/arm\/v5/],
    ['armhf as v5', [program(armhf)], 'linux/arm/v5', /is for linux\/arm\/v7/],
    [
      'v7 as v6',
      [program(armhf)],
      'linux/arm/v6',
      /linux\/arm\/v6: bin\/sh in layer sha256:\w+ is ARMv7 \(elf-cpu\)/,
    ],
    ['x86', [program({ machine: machines.x86, type: 2 })], 'linux/amd64', /is for linux\/386/],
    [
      'one program among others',
      [program(arm64), program(x64, 'usr/bin/tool')],
      'linux/arm64',
      /usr\/bin\/tool in layer .* is x86-64/,
    ],
  ];
  for (const [title, entries, platform, message] of lies) {
    it(`refuses --platform ${platform} for ${title}, unless it shall not look`, async () => {
      const rootfs = await write('rootfs.tar', makeTar(entries));
      const tags = [`${registry.host}/lie:1`];
      const before = registry.requests.length;
      const error = await rejection(run({ rootfs, platform, tags }));
      expect(error).to.have.property('code', 'VERIFICATION_FAILED');
      expect(error.message).to.match(message);
      expect(registry.requests.length).to.equal(before);
      await run({ rootfs, platform, verify: false, output: { type: 'oci', path: 'layout' } });
      expect(await leftovers()).to.deep.equal([]);
    });
  }

  const unknown: readonly (readonly [string, readonly TarInput[], RegExp])[] = [
    ['no program', [{ path: 'etc/passwd', content: '' }], /no program in it tells/],
    [
      'two kinds of programs',
      [program(arm64), program(armhf, 'bin/b')],
      /linux\/arm64 \(1, e\.g\. \/bin\/sh\) and linux\/arm\/v7/,
    ],
    [
      'ARM that does not tell',
      [program({ ...armhf, flags: armFlags.go, attributes: {} })],
      /do not tell which/,
    ],
  ];
  for (const [title, entries, message] of unknown) {
    it(`asks for the platform of ${title}`, async () => {
      const rootfs = await write('rootfs.tar', makeTar(entries));
      const error = await rejection(run({ rootfs, output: { type: 'oci', path: 'layout' } }));
      expect(error).to.have.property('code', 'ROOTFS_PLATFORM_UNKNOWN');
      expect(error.message).to.match(message);
      expect(await readdir(directory)).to.not.include('layout');
    });
  }

  const bad: readonly (readonly [string, Partial<ImportRequest>, string])[] = [
    ['no name', {}, 'USAGE'],
    ['a name that is none', { tags: ['UPPER:1'] }, 'INVALID_REFERENCE'],
    ['a digest for a name', { tags: [`base@sha256:${'0'.repeat(64)}`] }, 'INVALID_REFERENCE'],
    ['a platform that is none', { tags: ['base:1'], platform: 'linux/toaster' }, 'INVALID_PLATFORM'],
    ['a file that is not there', { tags: ['base:1'], rootfs: 'nothing.tar' }, 'FILE_NOT_FOUND'],
    ['a folder', { tags: ['base:1'], rootfs: '.' }, 'FILE_UNREADABLE'],
    [
      'a file for a folder to write to',
      { output: { type: 'oci-archive', path: 'rootfs.tar/image.tar' } },
      'FILE_UNWRITABLE',
    ],
    ['a change that is none', { tags: ['base:1'], changes: ['RUN rm -rf /'] }, 'INVALID_CHANGE'],
  ];
  for (const [title, request, code] of bad) {
    it(`refuses ${title}`, async () => {
      const rootfs = await write('rootfs.tar', system(x64));
      const before = registry.requests.length;
      expect(await rejection(run({ rootfs, ...request }))).to.have.property('code', code);
      expect(registry.requests.length).to.equal(before);
      expect(await leftovers()).to.deep.equal([]);
      expect(await readdir(directory)).to.have.members(['rootfs.tar', 'tmp']);
    });
  }

  for (const epoch of ['yesterday', '-1', '1.5', '99999999999999']) {
    it(`refuses SOURCE_DATE_EPOCH=${epoch}`, async () => {
      const rootfs = await write('rootfs.tar', system(x64));
      const importing = run({ rootfs, output: { type: 'oci', path: 'o' } }, { SOURCE_DATE_EPOCH: epoch });
      expect(await rejection(importing)).to.have.property('code', 'USAGE');
    });
  }

  it('leaves an archive of that name as it was when the tar is damaged', async () => {
    await write('image.tar', Buffer.from('what was there'));
    const rootfs = await write('rootfs.tgz', gzipSync(system(x64)).subarray(0, -3));
    const output = { type: 'oci-archive', path: 'image.tar' } as const;
    const error = await rejection(run({ rootfs, platform: 'amd64', output }));
    expect(error).to.have.property('code', 'INVALID_COMPRESSION');
    expect(error.message).to.match(/^importing rootfs\.tgz: /);
    expect(await readFile(join(directory, 'image.tar'), 'utf8')).to.equal('what was there');
    expect((await readdir(directory)).sort()).to.deep.equal(['image.tar', 'rootfs.tgz', 'tmp']);
  });

  it('is a command', async () => {
    await write('rootfs.tar', system(arm64));
    const command = async (...words: string[]) => {
      const world = fakeIo({
        workingDirectory: directory,
        environment: { HOME: directory, SOURCE_DATE_EPOCH: '0' },
      });
      const code = await runProgram(world.io, ['import', 'rootfs.tar', ...words]);
      return { code, stdout: world.stdout(), stderr: world.stderr() };
    };
    const tag = `${registry.host}/command:1`;
    const text = await command(
      '-t',
      tag,
      '--cmd',
      '["/bin/sh"]',
      '-e',
      'A=b c',
      '--label',
      'x=y',
      '--user',
      'me',
    );
    expect(text.stdout).to.match(new RegExp(`^${tag.replaceAll('.', '\\.')}@sha256:[0-9a-f]{64}\n$`));
    expect(text.stderr).to.include('platform: linux/arm64, as its programs say');
    expect(text.code).to.equal(0);
    const { config } = parseImageManifest(registry.manifest('command', '1')?.bytes);
    expect(parseImageConfig(registry.blob('command', config.digest)).config).to.deep.include({
      Cmd: ['/bin/sh'],
      User: 'me',
      Labels: { x: 'y' },
    });
    const json = await command('--platform', 'arm64', '-o', 'oci:image', '--format', 'json');
    expect(JSON.parse(json.stdout)).to.deep.include({ version: 1, platform: 'linux/arm64', references: [] });
    expect(json.stderr).to.not.include('as its programs say');
    expect((await command('--platform', 'amd64', '-t', tag)).code).to.equal(1);
    expect((await command('-o', 'local:there')).code).to.equal(2);
    expect((await command('--load', '-o', 'oci:there')).code).to.equal(2);
  });
});

describe('containerConfigOf', () => {
  const good: readonly (readonly [readonly string[], object])[] = [
    [[], {}],
    [['CMD ["/bin/bash", "-l"]'], { Cmd: ['/bin/bash', '-l'] }],
    [['CMD /bin/bash -l'], { Cmd: ['/bin/sh', '-c', '/bin/bash -l'] }],
    [['cmd ["a"]', 'CMD ["b"]'], { Cmd: ['b'] }],
    [['CMD []'], { Cmd: [] }],
    [['ENTRYPOINT ["/init"]'], { Entrypoint: ['/init'] }],
    [["ENV A=b C='d e'", 'ENV A=$C', 'ENV OLD the way'], { Env: ['C=d e', 'A=d e', 'OLD=the way'] }],
    [['LABEL a=b "c d"="e"'], { Labels: { a: 'b', 'c d': 'e' } }],
    [['EXPOSE 80 53/udp'], { ExposedPorts: { '80/tcp': {}, '53/udp': {} } }],
    [['VOLUME /a', 'VOLUME ["/b c"]'], { Volumes: { '/a': {}, '/b c': {} } }],
    [
      ['WORKDIR /srv', 'USER me:us', 'STOPSIGNAL SIGINT'],
      { WorkingDir: '/srv', User: 'me:us', StopSignal: 'SIGINT' },
    ],
    [['ONBUILD RUN make', 'ONBUILD COPY . /'], { OnBuild: ['RUN make', 'COPY . /'] }],
  ];
  for (const [lines, config] of good) {
    it(JSON.stringify(lines), () => {
      expect(containerConfigOf(lines)).to.deep.equal(config);
    });
  }
  const bad = [
    '',
    '# CMD x',
    'RUN true',
    'FROM debian',
    'CMD',
    'ENV',
    'ENV A',
    'EXPOSE http',
    'EXPOSE 70000',
    'WORKDIR here',
    'CMD a\nCMD b',
    'CMD a\nFROM b',
  ];
  for (const line of bad) {
    it(`refuses ${JSON.stringify(line)}`, () => {
      expect(() => containerConfigOf([line]))
        .to.throw()
        .with.property('code', 'INVALID_CHANGE');
    });
  }
});

function program(recipe: ElfRecipe, path = 'bin/sh'): TarInput {
  return { path, mode: 0o755, content: makeElf(recipe) };
}

function system(recipe: ElfRecipe): Buffer {
  return makeTar([{ path: 'bin', folder: true }, program(recipe), { path: 'etc/hostname', content: 'base' }]);
}

async function configIn(layout: string): Promise<ImageConfig> {
  const image = await openLayout(layout);
  const { config } = parseImageManifest(await readDocument(image, image.root));
  return parseImageConfig(await readDocument(image, config));
}
