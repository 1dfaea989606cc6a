import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import {
  BlobStore,
  copyImage,
  createLayoutSink,
  createOciArchiveSink,
  type Descriptor,
  digestOf,
  dockerArchive,
  type ImageSource,
  mediaTypes,
  ociArchive,
  openDockerArchive,
  openLayout,
  openOciArchive,
  type PushEvent,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  parseReference,
  readDocument,
} from '@mabuild/oci';
import { expect } from 'chai';
import { run } from '../../../scripts/lib/run.mjs';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { rejection } from '../../support/rejection.ts';
import { makeTar } from '../../support/tar.ts';
import { requireTool } from '../../support/tools.ts';

const layer = [{ path: 'bin/a', content: 'hello'.repeat(1000) }];
const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] as const;

function threePlatforms(content = 'hello'): MadeImage {
  return makeImage(
    ...platforms.map((platform) => ({
      platform,
      layers: [layer, [{ path: 'which', content: content + platform }]],
    })),
  );
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mabuild-layout-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('oci layouts', () => {
  it('keeps every byte of an index, and gives it back', async () => {
    const image = threePlatforms();
    await copyImage(image, await createLayoutSink(directory), { tags: ['app:1'] });
    const opened = await openLayout(directory, { tag: '1' });
    expect(opened.root).to.deep.equal(image.root);
    expect(await contentsOf(opened)).to.deep.equal([...image.blobs.keys()].sort());
    expect(await readdir(join(directory, 'blobs/sha256'))).to.have.lengthOf(image.blobs.size);
  });

  it('extends a layout: another name is added, the same name replaced', async () => {
    const [first, second, third] = [threePlatforms('1'), threePlatforms('2'), threePlatforms('3')];
    await copyImage(first, await createLayoutSink(directory), { tags: ['a'] });
    await copyImage(second, await createLayoutSink(directory), { tags: ['b', 'c'] });
    await copyImage(third, await createLayoutSink(directory), { tags: ['b'] });
    const roots = await Promise.all(
      ['a', 'b', 'c'].map(async (tag) => (await openLayout(directory, { tag })).root.digest),
    );
    expect(roots).to.deep.equal([first.root.digest, third.root.digest, second.root.digest]);
    const error = await rejection(openLayout(directory));
    expect(error.code).to.equal('IMAGE_NOT_FOUND');
  });

  it('sends nothing when the name points there already', async () => {
    const image = threePlatforms();
    await copyImage(image, await createLayoutSink(directory), { tags: ['a'] });
    const events: PushEvent[] = [];
    await copyImage(image, await createLayoutSink(directory), {
      tags: ['a'],
      onEvent: (event) => events.push(event),
    });
    expect(events.map(({ descriptor, state }) => [descriptor.digest, state])).to.deep.equal([
      [image.root.digest, 'exists'],
    ]);
  });

  it('loses no name when names are written side by side', async () => {
    const image = threePlatforms();
    const tags = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const sink = await createLayoutSink(directory);
    await copyImage(image, sink);
    await Promise.all(tags.map((tag) => sink.tag(tag, image.root)));
    for (const tag of tags) expect((await openLayout(directory, { tag })).root).to.deep.equal(image.root);
  });

  it('moves a name only from what is expected', async () => {
    const [first, second] = [threePlatforms('one'), threePlatforms('two')];
    const sink = await createLayoutSink(directory);
    for (const image of [first, second]) await copyImage(image, sink);
    await sink.tag('1', first.root, { expected: 'absent' });
    const late = sink.tag('1', second.root, { expected: 'absent' });
    expect(await rejection(late)).to.have.property('code', 'REGISTRY_TAG_MOVED');
    expect((await openLayout(directory, { tag: '1' })).root.digest).to.equal(first.root.digest);
    await sink.tag('1', second.root, { expected: first.root });
    expect((await openLayout(directory, { tag: '1' })).root.digest).to.equal(second.root.digest);
  });

  it('leaves nothing of content that is not what it should be', async () => {
    const sink = await createLayoutSink(directory);
    const wrong: Descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf('a'), size: 1 };
    for (const [body, code] of [
      ['b', 'DIGEST_MISMATCH'],
      ['', 'SIZE_MISMATCH'],
      ['aa', 'SIZE_MISMATCH'],
    ] as const) {
      expect((await rejection(sink.put(wrong, async () => stream(body)))).code).to.equal(code);
    }
    expect(await readdir(join(directory, 'blobs/sha256'))).to.deep.equal([]);
  });

  it('passes on the reason of an abort, and leaves nothing', async () => {
    const sink = await createLayoutSink(directory);
    const abort = new AbortController();
    const reason = new Error('enough');
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          yield Buffer.alloc(1000);
          abort.abort(reason);
        }
      })(),
    );
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf('a'), size: 1_000_000_000 };
    expect(await rejection(sink.put(descriptor, async () => endless, { signal: abort.signal }))).to.equal(
      reason,
    );
    expect(await readdir(join(directory, 'blobs/sha256'))).to.deep.equal([]);
  });

  const index = (entries: readonly object[]): string =>
    JSON.stringify({ schemaVersion: 2, manifests: entries });
  const marker = '{"imageLayoutVersion":"1.0.0"}';
  for (const [what, files, code] of [
    ['an empty folder', {}, 'LAYOUT_INVALID'],
    ['a marker that is not JSON', { 'oci-layout': 'x', 'index.json': index([]) }, 'LAYOUT_INVALID'],
    ['a marker that is null', { 'oci-layout': 'null', 'index.json': index([]) }, 'LAYOUT_INVALID'],
    [
      'an unknown version',
      { 'oci-layout': '{"imageLayoutVersion":"2.0.0"}', 'index.json': index([]) },
      'LAYOUT_INVALID',
    ],
    ['no entry', { 'oci-layout': marker, 'index.json': index([]) }, 'IMAGE_NOT_FOUND'],
    ['an index that is not JSON', { 'oci-layout': marker, 'index.json': '{' }, 'INVALID_INDEX'],
    [
      'a digest that is a path',
      {
        'oci-layout': marker,
        'index.json': index([{ mediaType: mediaTypes.ociIndex, digest: 'sha256:../../etc/passwd', size: 1 }]),
      },
      'INVALID_INDEX',
    ],
    [
      'an index that is too long',
      { 'oci-layout': marker, 'index.json': `"${'x'.repeat(5_000_000)}"` },
      'INVALID_INDEX',
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
      expect((await rejection(openLayout(directory))).code).to.equal(code);
    });
  }

  it('says that there is no layout', async () => {
    const error = await rejection(openLayout(join(directory, 'none')));
    expect(error.message).to.equal(`there is no OCI layout at ${join(directory, 'none')}`);
  });

  it('says that a file is an archive', async () => {
    const file = join(directory, 'image.tar');
    await writeFile(file, '');
    const error = await rejection(openLayout(file));
    expect(error).to.include({ code: 'LAYOUT_INVALID', message: `there is no OCI layout at ${file}` });
    expect(error)
      .to.have.property('hint')
      .that.matches(/oci-archive:FILE/);
  });

  it('says which blob is missing', async () => {
    const image = threePlatforms();
    await copyImage(image, await createLayoutSink(directory), { tags: ['a'] });
    const opened = await openLayout(directory);
    await rm(join(directory, 'blobs/sha256', image.root.digest.slice(7)));
    const error = await rejection(opened.read(image.root));
    expect(error.code).to.equal('BLOB_NOT_FOUND');
    expect(error.message).to.contain(image.root.digest);
  });

  it('finds content that was changed on disk', async () => {
    const image = threePlatforms();
    await copyImage(image, await createLayoutSink(directory), { tags: ['a'] });
    await writeFile(
      join(directory, 'blobs/sha256', image.root.digest.slice(7)),
      Buffer.alloc(image.root.size, 'x'),
    );
    expect((await rejection(readDocument(await openLayout(directory), image.root))).code).to.equal(
      'DIGEST_MISMATCH',
    );
  });
});

describe('oci archives', () => {
  it('keeps every byte of an index, and leaves no folder behind', async () => {
    const image = threePlatforms();
    const file = await writeOciArchive(image);
    expect(await readdir(directory)).to.deep.equal(['image.tar']);
    const opened = await openOciArchive(file, { tag: 'app:1' });
    expect(opened.root).to.deep.equal(image.root);
    expect(await contentsOf(opened)).to.deep.equal([...image.blobs.keys()].sort());
  });

  it('is equal for equal images', async () => {
    const file = await writeOciArchive(threePlatforms());
    const first = await readFile(file);
    expect((await readFile(await writeOciArchive(threePlatforms()))).equals(first)).to.equal(true);
  });

  it('leaves nothing after an abort', async () => {
    const sink = await createOciArchiveSink(join(directory, 'image.tar'));
    await copyImage(threePlatforms(), sink, { tags: ['app:1'] });
    await sink.abort();
    expect(await readdir(directory)).to.deep.equal([]);
  });

  for (const [what, content, code] of [
    ['an empty file', Buffer.alloc(0), 'ARCHIVE_INVALID'],
    ['text', Buffer.from('no archive '.repeat(100)), 'ARCHIVE_INVALID'],
    ['a compressed archive', gzipSync(makeTar(layer)), 'UNSUPPORTED_COMPRESSION'],
    ['a tar of something else', makeTar([{ path: 'a', content: 'a' }]), 'ARCHIVE_INVALID'],
    [
      'an index that is not JSON',
      makeTar([
        { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
        { path: 'index.json', content: '{' },
      ]),
      'INVALID_INDEX',
    ],
    [
      'links in a circle',
      makeTar([
        { path: 'index.json', symlink: 'a' },
        { path: 'a', symlink: 'index.json' },
      ]),
      'ARCHIVE_INVALID',
    ],
    [
      'a link out of the archive',
      makeTar([{ path: 'index.json', symlink: '../../../../etc/passwd' }]),
      'ARCHIVE_INVALID',
    ],
    ['a cut', makeTar([{ path: 'a', content: 'x'.repeat(5000) }]).subarray(0, 3000), 'INVALID_TAR'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const file = join(directory, 'bad.tar');
      await writeFile(file, content);
      expect((await rejection(openOciArchive(file))).code).to.equal(code);
    });
  }

  it('says that there is no such file', async () => {
    expect((await rejection(openOciArchive(join(directory, 'none.tar')))).code).to.equal('ARCHIVE_INVALID');
  });

  it('says which blob is missing, and finds one that was changed', async () => {
    const image = threePlatforms();
    const manifest = image.blobs.get(image.root.digest)!;
    const named = [{ ...image.root, annotations: { 'org.opencontainers.image.ref.name': 'a' } }];
    const marker = [
      { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
      { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: named }) },
    ];
    const file = join(directory, 'bad.tar');
    await writeFile(file, makeTar(marker));
    expect((await rejection(readDocument(await openOciArchive(file), image.root))).code).to.equal(
      'BLOB_NOT_FOUND',
    );
    const path = `blobs/sha256/${image.root.digest.slice(7)}`;
    await writeFile(file, makeTar([...marker, { path, content: Buffer.alloc(manifest.length) }]));
    expect((await rejection(readDocument(await openOciArchive(file), image.root))).code).to.equal(
      'DIGEST_MISMATCH',
    );
  });
});

describe('docker archives', () => {
  const tars = [makeTar(layer), makeTar([{ path: 'b', content: 'b' }])];
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      config: { Env: ['A=b'] },
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
    }),
  );
  const configName = `${digestOf(config).slice(7)}.json`;
  const saved = (layers: readonly string[], tags: readonly string[] = ['app:1']): string =>
    JSON.stringify([{ Config: configName, RepoTags: tags, Layers: layers }]);

  for (const [what, entries] of [
    [
      'docker 20.10: a folder per layer',
      [
        { path: 'a/layer.tar', content: tars[0]! },
        { path: 'b/layer.tar', content: tars[1]! },
        { path: 'manifest.json', content: saved(['a/layer.tar', 'b/layer.tar']) },
      ],
    ],
    [
      'podman: links to the layers',
      [
        { path: '0.tar', content: tars[0]! },
        { path: 'a/layer.tar', symlink: '../0.tar' },
        { path: 'b/layer.tar', content: tars[1]! },
        { path: 'manifest.json', content: saved(['a/layer.tar', 'b/layer.tar']) },
      ],
    ],
    [
      'docker 25: a layout beside manifest.json',
      [
        ...tars.map((tar) => ({ path: `blobs/sha256/${digestOf(tar).slice(7)}`, content: tar })),
        { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
        {
          path: 'manifest.json',
          content: saved(tars.map((tar) => `blobs/sha256/${digestOf(tar).slice(7)}`)),
        },
      ],
    ],
  ] as const) {
    it(`reads ${what}`, async () => {
      const file = join(directory, 'saved.tar');
      await writeFile(file, makeTar([{ path: configName, content: config }, ...entries]));
      const opened = await openDockerArchive(file, { directory: join(directory, 'blobs'), tag: 'app:1' });
      const manifest = parseImageManifest(await readDocument(opened, opened.root));
      expect(parseImageConfig(await readDocument(opened, manifest.config)).config?.Env).to.deep.equal([
        'A=b',
      ]);
      expect(opened.root.platform).to.deep.equal({ os: 'linux', architecture: 'arm', variant: 'v7' });
      expect(await contentsOf(opened)).to.have.lengthOf(4);
    });
  }

  for (const [what, entries, code] of [
    ['no manifest.json', [], 'ARCHIVE_INVALID'],
    ['a manifest.json that is not JSON', [{ path: 'manifest.json', content: '[' }], 'ARCHIVE_INVALID'],
    ['a manifest.json that is an object', [{ path: 'manifest.json', content: '{}' }], 'IMAGE_NOT_FOUND'],
    ['an item that is null', [{ path: 'manifest.json', content: '[null]' }], 'IMAGE_NOT_FOUND'],
    [
      'no config',
      [{ path: 'manifest.json', content: '[{"Config":"x.json","Layers":[]}]' }],
      'ARCHIVE_INVALID',
    ],
    [
      'a missing layer',
      [
        { path: configName, content: config },
        { path: 'manifest.json', content: saved(['a.tar', 'b.tar']) },
      ],
      'ARCHIVE_INVALID',
    ],
    [
      'fewer layers than the config has',
      [
        { path: configName, content: config },
        { path: 'a.tar', content: tars[0]! },
        { path: 'manifest.json', content: saved(['a.tar']) },
      ],
      'ARCHIVE_INVALID',
    ],
    [
      'a compressed layer that is another one',
      [
        { path: configName, content: config },
        { path: 'a.tar', content: gzipSync(tars[0]!) },
        { path: 'manifest.json', content: saved(['a.tar', 'a.tar']) },
      ],
      'ARCHIVE_INVALID',
    ],
    [
      'a layer that is another one',
      [
        { path: configName, content: config },
        { path: 'a.tar', content: tars[0]! },
        { path: 'manifest.json', content: saved(['a.tar', 'a.tar']) },
      ],
      'ARCHIVE_INVALID',
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const file = join(directory, 'saved.tar');
      await writeFile(file, makeTar(entries));
      const error = await rejection(openDockerArchive(file, { directory: join(directory, 'blobs') }));
      expect(error.code).to.equal(code);
    });
  }
});

describe('oci blob store', () => {
  it('compresses 300 MB with little memory, always to the same bytes', async () => {
    const store = new BlobStore(directory);
    let most = 0;
    const before = process.memoryUsage().rss;
    const zeros = async function* (): AsyncGenerator<Buffer> {
      const chunk = Buffer.alloc(1024 * 1024);
      for (let sent = 0; sent < 300; sent += 1) {
        yield chunk;
        most = Math.max(most, process.memoryUsage().rss);
      }
    };
    const blobs = [await store.add(zeros(), { gzip: 1 }), await store.add(zeros(), { gzip: 1 })];
    expect(blobs[0]).to.deep.equal(blobs[1]);
    expect(most - before).to.be.below(200 * 1024 * 1024);
    expect(digestOf(await readFile(store.fileOf(blobs[0]!.digest)))).to.equal(blobs[0]!.digest);
  }).timeout(60_000);
});

requireTool('skopeo', 'skopeo judges', () => {
  it('a layout', async () => {
    const image = threePlatforms();
    const folder = join(directory, 'layout');
    await copyImage(image, await createLayoutSink(folder), { tags: ['1'] });
    const raw = await run('skopeo', ['inspect', '--raw', `oci:${folder}:1`]);
    expect(digestOf(raw)).to.equal(image.root.digest);
    await run('skopeo', ['copy', '--quiet', '--all', `oci:${folder}:1`, `dir:${join(directory, 'copied')}`]);
  }).timeout(30_000);

  it('an archive', async () => {
    const image = threePlatforms();
    const file = await writeOciArchive(image);
    expect(digestOf(await run('skopeo', ['inspect', '--raw', `oci-archive:${file}:app:1`]))).to.equal(
      image.root.digest,
    );
    await run('skopeo', [
      'copy',
      '--quiet',
      '--all',
      `oci-archive:${file}:app:1`,
      `dir:${join(directory, 'copied')}`,
    ]);
  }).timeout(30_000);

  it('an archive for `docker load`, under every name', async () => {
    const image = threePlatforms();
    const file = join(directory, 'load.tar');
    const names = ['app:1', 'localhost:5000/me/app'].map(parseReference);
    await writeFile(file, ociArchive(image, image.root, names));
    const index = parseImageIndex(await run('tar', ['-xOf', file, 'index.json']));
    expect(index.manifests.map(({ digest }) => digest)).to.deep.equal([image.root.digest, image.root.digest]);
    expect(index.manifests.map(({ annotations }) => annotations)).to.deep.equal([
      {
        'io.containerd.image.name': 'docker.io/library/app:1',
        'org.opencontainers.image.ref.name': '1',
      },
      {
        'io.containerd.image.name': 'localhost:5000/me/app:latest',
        'org.opencontainers.image.ref.name': 'latest',
      },
    ]);
    expect(await contentsOf(await openOciArchive(file, { tag: 'latest' }))).to.deep.equal(
      [...image.blobs.keys()].sort(),
    );
    const copied = join(directory, 'copied');
    await mkdir(copied);
    await run('skopeo', ['copy', '--quiet', '--all', `oci-archive:${file}:1`, `dir:${copied}`]);
    const unnamed = join(directory, 'unnamed.tar');
    const { manifests } = parseImageIndex(await readDocument(image, image.root));
    await writeFile(unnamed, ociArchive(image, manifests[1]!, []));
    expect((await openOciArchive(unnamed)).root).to.deep.equal(manifests[1]);
  }).timeout(30_000);

  it('a docker archive, which comes back with the same layers', async () => {
    const image = threePlatforms();
    const { manifests } = parseImageIndex(await readDocument(image, image.root));
    const file = join(directory, 'image.tar');
    await writeFile(file, await dockerArchive(image, manifests[2]!, ['app:1']));
    await mkdir(join(directory, 'copied'));
    await run('skopeo', [
      'copy',
      '--quiet',
      `docker-archive:${file}:app:1`,
      `oci:${join(directory, 'copied')}:1`,
    ]);
    const source = await openLayout(join(directory, 'copied'));
    const config = parseImageConfig(
      await readDocument(source, parseImageManifest(await readDocument(source, source.root)).config),
    );
    const own = parseImageManifest(await readDocument(image, manifests[2]!));
    expect(config.rootfs).to.deep.equal(parseImageConfig(await readDocument(image, own.config)).rootfs);
    const reopened = await openDockerArchive(file, { directory: join(directory, 'blobs') });
    expect(
      parseImageManifest(await readDocument(reopened, reopened.root)).layers.map(({ digest }) => digest),
    ).to.deep.equal(own.layers.map(({ digest }) => digest));
  }).timeout(30_000);
});

async function writeOciArchive(image: ImageSource): Promise<string> {
  const file = join(directory, 'image.tar');
  const sink = await createOciArchiveSink(file);
  await copyImage(image, sink, { tags: ['app:1'] });
  await sink.close();
  return file;
}

/** The digests of everything below a root, all of it read and so verified. */
async function contentsOf(source: ImageSource): Promise<string[]> {
  const found = new Set<string>();
  const walk = async (descriptor: Descriptor): Promise<void> => {
    found.add(descriptor.digest);
    const bytes = await readDocument(source, descriptor);
    if (descriptor.mediaType === mediaTypes.ociIndex) {
      for (const child of parseImageIndex(bytes).manifests) await walk(child);
    } else if (descriptor.mediaType === mediaTypes.ociManifest) {
      const { config, layers } = parseImageManifest(bytes);
      for (const blob of [config, ...layers]) await walk(blob);
    }
  };
  await walk(source.root);
  return [...found].sort();
}

function stream(text: string): Readable {
  return Readable.from(text === '' ? [] : [Buffer.from(text)], { objectMode: false });
}
