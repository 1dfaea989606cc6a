import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import {
  type ContainerConfig,
  digestOf,
  type ImageSource,
  type LayerFacts,
  MabuildError,
  mediaTypes,
  parsePlatform,
  type VerifiedImage,
  verifyImage,
} from '@mabuild/oci';
import { expect } from 'chai';
import { armFlags, type ElfRecipe, machines, makeElf } from '../../support/elf.ts';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { makeTar, type TarInput } from '../../support/tar.ts';

const arm64 = makeElf({ machine: machines.arm64 });
const x64 = makeElf({ machine: machines.x64 });

function app(content: Buffer, path = 'app'): TarInput {
  return { path, mode: 0o755, content };
}

const start: ContainerConfig = { Entrypoint: ['/app'] };

async function only(source: ImageSource, options = {}): Promise<VerifiedImage> {
  const report = await verifyImage(source, options);
  expect(report.images).to.have.length(1);
  expect(report.ok).to.equal(report.images[0]!.ok);
  return report.images[0]!;
}

function kinds(image: VerifiedImage): string[] {
  return image.problems.map((problem) => `${problem.kind} ${problem.path ?? ''}`.trim());
}

/** Indexes that name the one below them many times each. */
function maze(depth: number, width: number): { source: ImageSource; reads: () => number } {
  const documents = new Map<string, Buffer>();
  let reads = 0;
  let below = {
    mediaType: mediaTypes.ociManifest as string,
    digest: `sha256:${'0'.repeat(64)}`,
    size: 1,
  };
  for (let level = 0; level < depth; level += 1) {
    const manifests = Array.from({ length: width }, () => below);
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    );
    below = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
    documents.set(below.digest, bytes);
  }
  const read = async ({ digest }: { readonly digest: string }): Promise<Readable> => {
    reads += 1;
    const bytes = documents.get(digest);
    if (bytes === undefined) throw new MabuildError('it is not there', { code: 'BLOB_NOT_FOUND' });
    return Readable.from([bytes], { objectMode: false });
  };
  return { source: { root: below, read }, reads: () => reads };
}

describe('verify', () => {
  it('does not lose its way where indexes name each other thousands of times', async () => {
    const { source, reads } = maze(4, 300);
    const { ok, images } = await verifyImage(source);
    expect(ok).to.equal(false);
    expect(images.some(({ problems }) => problems[0]?.found === 'indexes within indexes')).to.equal(true);
    expect(reads()).to.be.below(40_000);
  });

  it('reports every image by platform, with the file, the layer and what was found', async () => {
    const source = makeImage(
      { platform: 'linux/amd64', config: start, layers: [[app(x64)]] },
      { platform: 'linux/arm64/v8', config: start, layers: [[app(arm64, 'other')], [app(x64)]] },
    );
    const report = await verifyImage(source);
    expect(report.ok).to.equal(false);
    expect(report.images.map(({ platform, ok }) => [platform, ok])).to.deep.equal([
      ['linux/amd64', true],
      ['linux/arm64', false],
    ]);
    expect(report.images[1]!.problems).to.deep.equal([
      {
        kind: 'elf-machine',
        path: 'app',
        layer: source.layers[1]![1],
        found: 'x86-64',
        expected: 'linux/arm64',
        why: 'ENTRYPOINT',
      },
    ]);
  });

  it('verifies one manifest outside of an index by what its config says', async () => {
    const made = makeImage({ platform: 'linux/arm64', config: start, layers: [[app(x64)]] });
    const [entry] = JSON.parse(made.blobs.get(made.root.digest)!.toString()).manifests;
    const { platform: _, ...root } = entry;
    expect(kinds(await only({ ...made, root }))).to.deep.equal(['elf-machine app']);
  });

  it('verifies only the platforms asked for, and says which the image lacks', async () => {
    const source = makeImage(
      { platform: 'linux/amd64', config: start, layers: [[app(arm64)]] },
      { platform: 'linux/arm64', config: start, layers: [[app(arm64)]] },
    );
    expect((await verifyImage(source, { platforms: [parsePlatform('linux/arm64/v8')] })).ok).to.equal(true);
    const lacking = await verifyImage(source, { platforms: [parsePlatform('arm64'), parsePlatform('arm')] });
    expect(lacking.ok).to.equal(false);
    expect(lacking.images[1]).to.deep.include({ platform: 'linux/arm/v7', digest: '' });
    expect(lacking.images[1]!.problems[0]).to.deep.include({ kind: 'missing-blob' });
  });

  it('passes over attestations, and notes artifacts', async () => {
    const made = makeImage({ platform: 'linux/arm64', config: start, layers: [[app(arm64)]] });
    const put = (mediaType: string, document: object): object => {
      const bytes = Buffer.from(JSON.stringify(document));
      const other = makeImage({ platform: 'linux/arm64', layers: [bytes] });
      const digest = other.layers[0]![0]!;
      made.blobs.set(digest, bytes);
      return { mediaType, digest, size: bytes.length };
    };
    const [entry] = JSON.parse(made.blobs.get(made.root.digest)!.toString()).manifests;
    const attestation = {
      ...entry,
      digest: `sha256:${'0'.repeat(64)}`,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': entry.digest,
      },
    };
    const config = put(mediaTypes.ociEmpty, {});
    const artifact = put(mediaTypes.ociManifest, {
      schemaVersion: 2,
      artifactType: 'application/x-a',
      config,
      layers: [],
    });
    const root = put(mediaTypes.ociIndex, { schemaVersion: 2, manifests: [entry, attestation, artifact] });
    const report = await verifyImage({ ...made, root: root as MadeImage['root'] });
    expect(report.ok).to.equal(true);
    expect(report.images).to.have.length(2);
    expect(report.images[1]!.notes[0]).to.deep.include({ kind: 'not-judged', found: 'application/x-a' });
  });

  describe('content that is not there or not right', () => {
    const image = (): MadeImage =>
      makeImage({ platform: 'linux/arm64', config: start, layers: [[app(arm64)]] });
    const digestsOf = (made: MadeImage): Record<string, string> => {
      const [entry] = JSON.parse(made.blobs.get(made.root.digest)!.toString()).manifests;
      const manifest = JSON.parse(made.blobs.get(entry.digest)!.toString());
      return {
        index: made.root.digest,
        manifest: entry.digest,
        config: manifest.config.digest,
        layer: made.layers[0]![0]!,
      };
    };
    for (const part of ['index', 'manifest', 'config', 'layer']) {
      it(`${part} missing`, async () => {
        const made = image();
        const digest = digestsOf(made)[part]!;
        made.blobs.delete(digest);
        const { problems } = await only(made);
        expect(problems).to.have.length(1);
        expect(problems[0]).to.deep.include({ kind: 'missing-blob', layer: digest });
      });
      it(`${part} damaged`, async () => {
        const made = image();
        const digest = digestsOf(made)[part]!;
        const bytes = Buffer.from(made.blobs.get(digest)!);
        bytes[bytes.length - 1] = 0x20;
        made.blobs.set(digest, bytes);
        const { problems } = await only(made);
        expect(problems).to.have.length(1);
        expect(problems[0]).to.deep.include({ kind: 'unverified', layer: digest });
        expect(problems[0]!.found).to.match(/expected sha256:/);
      });
      it(`${part} cut short`, async () => {
        const made = image();
        const digest = digestsOf(made)[part]!;
        made.blobs.set(digest, made.blobs.get(digest)!.subarray(0, -1));
        expect(kinds(await only(made))).to.deep.equal(['unverified']);
      });
    }

    const unreadable: readonly (readonly [string, Buffer])[] = [
      ['no tar', Buffer.alloc(3000, 'x')],
      ['half a tar in a whole gzip', gzipSync(makeTar([app(arm64)]).subarray(0, 700))],
      ['xz', Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(600)])],
    ];
    for (const [title, bytes] of unreadable) {
      it(`a layer that is ${title} is unverified, never ok`, async () => {
        const made = makeImage({ platform: 'linux/arm64', config: start, layers: [[app(arm64)], bytes] });
        const image = await only(made);
        expect(kinds(image)).to.deep.equal(['unverified']);
        expect(image.problems[0]!.layer).to.equal(made.layers[0]![1]);
      });
    }

    it('a manifest that is no manifest', async () => {
      const made = image();
      const bytes = Buffer.from('{"schemaVersion":2,"manifests":7}');
      const other = makeImage({ platform: 'linux/arm64', layers: [bytes] });
      const digest = other.layers[0]![0]!;
      made.blobs.set(digest, bytes);
      const root = { mediaType: mediaTypes.ociIndex, digest, size: bytes.length };
      const { problems } = await only({ ...made, root });
      expect(problems[0]).to.deep.include({ kind: 'unverified', layer: digest });
      expect(problems[0]!.found).to.match(/manifests is a number/);
    });

    it('what the world refuses is thrown on', async () => {
      const made = image();
      const refused = new MabuildError('no', { code: 'UNAUTHORIZED' });
      const source: ImageSource = { ...made, read: () => Promise.reject(refused) };
      const error = await verifyImage(source).catch((one: unknown) => one);
      expect(error).to.equal(refused);
    });

    it('abort rejects with the reason, in the middle of a layer', async () => {
      const made = image();
      const controller = new AbortController();
      const reason = new Error('enough');
      const layer = made.layers[0]![0];
      const source: ImageSource = {
        ...made,
        read: async (descriptor, options) => {
          if (descriptor.digest !== layer) return made.read(descriptor, options);
          setImmediate(() => controller.abort(reason));
          return new Readable({ read: () => undefined });
        },
      };
      const error = await verifyImage(source, { signal: controller.signal }).catch((one: unknown) => one);
      expect(error).to.equal(reason);
    });
  });

  describe('layers', () => {
    it('are read once, however many images share them, and not at all when remembered', async () => {
      const shared = [app(arm64, 'shared')];
      const source = makeImage(
        { platform: 'linux/arm64', config: start, layers: [shared, [app(arm64)]] },
        { platform: 'linux/arm64/v9', config: start, layers: [shared] },
      );
      const kept = new Map<string, string>();
      const remembered = {
        get: async (digest: string): Promise<LayerFacts | undefined> => {
          const text = kept.get(digest);
          return text === undefined ? undefined : JSON.parse(text);
        },
        set: async (digest: string, facts: LayerFacts): Promise<void> => {
          kept.set(digest, JSON.stringify(facts));
        },
      };
      const first = await verifyImage(source, { remembered });
      const layers = new Set(source.layers.flat());
      expect(source.reads.filter((digest) => layers.has(digest))).to.have.length(layers.size);
      expect([...kept.keys()].sort()).to.deep.equal([...layers].sort());
      source.reads.length = 0;
      expect(await verifyImage(source, { remembered })).to.deep.equal(first);
      expect(source.reads.filter((digest) => layers.has(digest))).to.deep.equal([]);
    });

    it("that are the base's own are neither read nor judged", async () => {
      const source = makeImage({
        platform: 'linux/arm64',
        config: { Cmd: ['tool'] },
        layers: [[app(x64, 'usr/bin/tool')], [app(arm64)]],
      });
      const [base] = source.layers[0]!;
      expect((await only(source, { baseLayers: [base!] })).ok).to.equal(true);
      expect(source.reads).to.not.include(base);
      expect((await only(source)).ok).to.equal(false);
    });

    it('of the base are read when they may clear a doubt', async () => {
      const loader = makeElf({ machine: machines.arm, flags: armFlags.soft });
      const soft = makeElf({
        machine: machines.arm,
        flags: armFlags.soft,
        interpreter: '/lib/ld-linux.so.3',
      });
      const hardLoader = makeElf({ machine: machines.arm, flags: armFlags.hard });
      for (const [inBase, expected] of [
        [loader, []],
        [hardLoader, ['elf-float-abi app']],
      ] as const) {
        const source = makeImage({
          platform: 'linux/arm/v6',
          config: start,
          layers: [[app(inBase, 'lib/ld-linux.so.3')], [app(soft)]],
        });
        const [base] = source.layers[0]!;
        expect(kinds(await only(source, { baseLayers: [base!] }))).to.deep.equal(expected);
        expect(source.reads).to.include(base);
      }
    });

    it('lie over each other as container engines lay them', async () => {
      const rows: readonly (readonly [string, readonly (readonly TarInput[])[], string[]])[] = [
        ['deleted', [[app(x64)], [{ path: '.wh.app' }]], []],
        ['deleted and made again', [[app(x64)], [{ path: '.wh.app' }, app(x64)]], ['elf-machine app']],
        ['replaced by text', [[app(x64)], [app(Buffer.from('hello'))]], []],
        ['replaced by a folder', [[app(x64)], [{ path: 'app/', folder: true }]], []],
        ['a folder replaced by a file', [[app(x64, 'app/x')], [app(x64)]], ['elf-machine app']],
        ['deleted before it is there', [[{ path: '.wh.app' }], [app(x64)]], ['elf-machine app']],
        ['the last of two of one name', [[app(x64), app(arm64)]], []],
        [
          'through a link of a lower layer',
          [
            [
              { path: 'bin', symlink: 'usr/bin' },
              { path: 'usr/bin', folder: true },
            ],
            [app(x64, 'bin/tool')],
          ],
          ['elf-machine bin/tool'],
        ],
        [
          'a hidden folder',
          [[app(x64, 'usr/bin/tool')], [{ path: 'usr/bin/.wh..wh..opq' }, app(arm64, 'usr/bin/new')]],
          [],
        ],
        [
          'a link in a circle',
          [
            [
              { path: 'app', symlink: 'b' },
              { path: 'b', symlink: 'app' },
            ],
          ],
          [],
        ],
        [
          'a link out of the image',
          [[{ path: 'app', symlink: '../../../../x' }, app(x64, 'x')]],
          ['elf-machine x'],
        ],
        ['a link into a file', [[{ path: 'app', symlink: 'x/y' }, app(x64, 'x')]], []],
        [
          'another name of a file below',
          [[app(x64, 'a')], [{ path: 'app', hardlink: 'a' }]],
          ['elf-machine app'],
        ],
        ['another name of nothing', [[{ path: 'app', hardlink: 'nowhere' }]], []],
      ];
      for (const [title, layers, expected] of rows) {
        const image = await only(makeImage({ platform: 'linux/arm64', config: start, layers }));
        expect(kinds(image), title).to.deep.equal(expected);
      }
    });
  });

  describe('what can run', () => {
    type Row = readonly [
      title: string,
      platform: string,
      config: ContainerConfig,
      files: readonly (readonly [path: string, elf: ElfRecipe | string, mode?: number])[],
      problems: readonly string[],
      notes?: readonly string[],
    ];
    const x = { machine: machines.x64 };
    const a64 = { machine: machines.arm64 };
    const rows: readonly Row[] = [
      ['a file that is not executable', 'linux/arm64', {}, [['usr/bin/tool', x, 0o644]], [], ['foreign-elf']],
      ['a file off PATH', 'linux/arm64', {}, [['opt/tool', x]], [], ['foreign-elf']],
      ['an object file', 'linux/arm64', start, [['app', { ...x, type: 1 }]], [], ['foreign-elf']],
      ['a BPF program', 'linux/arm64', start, [['app', { machine: machines.bpf }]], []],
      ['an empty PATH', 'linux/arm64', { Env: ['PATH='] }, [['usr/bin/tool', x]], [], ['foreign-elf']],
      [
        'CMD on PATH',
        'linux/arm64',
        { Cmd: ['tool'], Env: ['PATH=/x'] },
        [['x/tool', x]],
        ['elf-machine x/tool'],
      ],
      ['CMD that is not there', 'linux/arm64', { Cmd: ['nothing', '/not/there'] }, [], []],
      [
        'an argument that is data',
        'linux/arm64',
        { Cmd: ['load', '/fw'] },
        [['fw', x, 0o644]],
        [],
        ['foreign-elf'],
      ],
      [
        'WORKDIR',
        'linux/arm64',
        { Cmd: ['./run'], WorkingDir: '/srv' },
        [['srv/run', x]],
        ['elf-machine srv/run'],
      ],
      ['x32', 'linux/amd64', start, [['app', { ...x, bits: 32 }]], ['elf-class app']],
      [
        'the other byte order',
        'linux/arm64',
        start,
        [['app', { ...a64, endianness: 'big' }]],
        ['elf-machine app'],
      ],
      ['386 on amd64', 'linux/amd64', start, [['app', { machine: machines.x86 }]], [], ['foreign-elf']],
      ['amd64 on 386', 'linux/386', start, [['app', x]], ['elf-machine app']],
      ['an emulator', 'linux/arm64', {}, [['usr/bin/qemu-aarch64-static', x]], [], ['emulator']],
      [
        'a loader of another machine',
        'linux/arm64',
        start,
        [
          ['app', { ...a64, interpreter: '/lib/ld.so' }],
          ['lib/ld.so', x],
        ],
        ['elf-machine lib/ld.so'],
      ],
      [
        'a library by $ORIGIN',
        'linux/arm64',
        { Entrypoint: ['/opt/bin/app'] },
        [
          ['opt/bin/app', { ...a64, needed: ['libx.so'], runPath: '$ORIGIN/../lib' }],
          ['opt/lib/libx.so', x, 0o644],
        ],
        ['elf-machine opt/lib/libx.so'],
      ],
      [
        'a library of a library, by LD_LIBRARY_PATH',
        'linux/arm64',
        { ...start, Env: ['LD_LIBRARY_PATH=/l'] },
        [
          ['app', { ...a64, needed: ['a.so'] }],
          ['l/a.so', { ...a64, needed: ['b.so', 'a.so'] }],
          ['l/b.so', x],
        ],
        ['elf-machine l/b.so'],
      ],
      [
        'a library by ld.so.conf',
        'linux/arm64',
        start,
        [
          ['app', { ...a64, needed: ['a.so'] }],
          ['etc/ld.so.conf.d/x.conf', '# mine\n/opt/l\n', 0o644],
          ['opt/l/a.so', x],
        ],
        ['elf-machine opt/l/a.so'],
      ],
      [
        'a library that the loader passes over for the right one',
        'linux/arm64',
        { ...start, Env: ['LD_LIBRARY_PATH=/l'] },
        [
          ['app', { ...a64, needed: ['a.so'] }],
          ['l/a.so', x],
          ['usr/lib/aarch64-linux-gnu/a.so', a64],
        ],
        [],
        ['foreign-elf'],
      ],
      [
        "an emulator's libraries for another machine, configured under its name",
        'linux/arm64',
        start,
        [
          ['app', { ...a64, needed: ['a.so'] }],
          ['etc/ld.so.conf.d/x86_64-linux-gnu.conf', '/usr/lib/x86_64-linux-gnu\n', 0o644],
          ['usr/lib/x86_64-linux-gnu/a.so', x],
        ],
        [],
        ['foreign-elf'],
      ],
      [
        'v7 in a library of a v6 program: it may choose',
        'linux/arm/v6',
        start,
        [
          ['app', { machine: machines.arm, needed: ['libcrypto.so.3'], attributes: { cpuArch: 6 } }],
          ['usr/lib/libcrypto.so.3', { machine: machines.arm, attributes: { cpuArch: 10 } }],
        ],
        [],
        ['elf-cpu'],
      ],
      [
        'v7 in the C library of a v6 program',
        'linux/arm/v6',
        start,
        [
          ['app', { machine: machines.arm, needed: ['libc.so.6'], attributes: { cpuArch: 6 } }],
          ['usr/lib/libc.so.6', { machine: machines.arm, attributes: { cpuArch: 10 } }],
        ],
        ['elf-cpu usr/lib/libc.so.6'],
      ],
      [
        'v6 code, soft and hard, in a v6 image',
        'linux/arm/v6',
        start,
        [['app', { machine: machines.arm, flags: armFlags.hard, attributes: { cpuArch: 7 } }]],
        [],
      ],
      [
        'scripts that start each other in a circle',
        'linux/arm64',
        start,
        [
          ['app', '#!/b\n'],
          ['b', '#!/app\n'],
        ],
        [],
      ],
      ['a processor without rules', 'linux/pdp11', start, [['app', x]], ['unverified'], ['not-judged']],
      ['Windows', 'windows/amd64', start, [['app', x]], [], ['not-judged']],
    ];
    for (const [title, platform, config, files, problems, notes = []] of rows) {
      it(title, async () => {
        const layer = files.map(([path, content, mode = 0o755]) => ({
          path,
          mode,
          content: typeof content === 'string' ? content : makeElf(content),
        }));
        const image = await only(makeImage({ platform, config, layers: [layer] }));
        expect(kinds(image)).to.deep.equal(problems);
        expect(image.notes.map(({ kind }) => kind)).to.deep.equal(notes);
      });
    }

    it('does not blame a config that leaves the variant out', async () => {
      const image = await only(
        makeImage({
          platform: 'linux/arm/v6',
          configPlatform: { os: 'linux', architecture: 'arm' },
          config: start,
          layers: [[app(makeElf({ machine: machines.arm }))]],
        }),
      );
      expect(image.problems).to.deep.equal([]);
      expect(image.notes[0]).to.deep.include({ kind: 'config-platform', found: 'linux/arm' });
    });

    it('counts foreign files by folder instead of naming each', async () => {
      const layer = Array.from({ length: 300 }, (_, index) => app(x64, `opt/${index % 30}/lib${index}.so`));
      const { notes, ok } = await only(makeImage({ platform: 'linux/arm64', layers: [layer] }));
      expect(ok).to.equal(true);
      expect(notes).to.have.length(21);
      expect(notes.reduce((sum, { count = 1 }) => sum + count, 0)).to.equal(300);
    });
  });
});
