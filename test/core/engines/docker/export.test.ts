import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { digestOf, isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { readSavedImage } from '../../../../packages/core/src/engines/docker/export.ts';
import { tar, tarEntry } from '../../../../scripts/lib/tar.mjs';

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const file = (name: string, body: Uint8Array | string): Buffer =>
  tarEntry(name, { mode: 0o644, body: Buffer.from(body) });
const link = (name: string, target: string): Buffer => tarEntry(name, { mode: 0o777, link: target });

const one = tar([file('one', 'first layer')]);
const two = tar([file('two', 'second layer'.repeat(1000))]);
const configOf = (...layers: readonly Uint8Array[]): Buffer =>
  json({
    os: 'linux',
    architecture: 'arm',
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha(layer)}`) },
  });
const config = configOf(one, two);
const manifest = (Config: string, Layers: readonly string[]): Buffer =>
  file('manifest.json', json([{ Config, RepoTags: null, Layers }]));
const blob = (bytes: Uint8Array): string => `blobs/sha256/${sha(bytes)}`;
const zipped = gzipSync(two);
const zstd = Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.from('a frame that is not read')]);

/** What engines write; the same two layers in each. */
const layouts: readonly [string, Buffer, readonly [string, 'none' | 'gzip' | 'zstd'][]][] = [
  [
    'docker 20.10',
    tar([
      file('aa/VERSION', '1.0'),
      file('aa/json', '{}'),
      file('aa/layer.tar', one),
      file('bb/layer.tar', two),
      file(`${sha(config)}.json`, config),
      manifest(`${sha(config)}.json`, ['aa/layer.tar', 'bb/layer.tar']),
    ]),
    [
      ['aa/layer.tar', 'none'],
      ['bb/layer.tar', 'none'],
    ],
  ],
  [
    'podman',
    tar([
      file(`${sha(one)}.tar`, one),
      link('aa/layer.tar', `../${sha(one)}.tar`),
      file(`${sha(two)}.tar`, two),
      link('bb/layer.tar', `../${sha(two)}.tar`),
      file(`${sha(config)}.json`, config),
      manifest(`${sha(config)}.json`, ['aa/layer.tar', 'bb/layer.tar']),
    ]),
    [
      [`${sha(one)}.tar`, 'none'],
      [`${sha(two)}.tar`, 'none'],
    ],
  ],
  [
    'docker 26',
    tar([
      file(blob(one), one),
      file(blob(two), two),
      file(blob(config), config),
      file('index.json', json({ manifests: [] })),
      manifest(blob(config), [blob(one), blob(two)]),
      file('oci-layout', '{}'),
    ]),
    [
      [blob(one), 'none'],
      [blob(two), 'none'],
    ],
  ],
  [
    'docker 26 with the containerd store',
    tar([
      file(blob(config), config),
      file(blob(one), one),
      file(blob(zipped), zipped),
      manifest(blob(config), [blob(one), blob(zipped)]),
    ]),
    [
      [blob(one), 'none'],
      [blob(zipped), 'gzip'],
    ],
  ],
  [
    'a manifest that comes first',
    tar([
      manifest('c.json', ['./1.tar', './2.tar']),
      file('./c.json', config),
      file('./1.tar', one),
      file('./2.tar', two),
    ]),
    [
      ['1.tar', 'none'],
      ['2.tar', 'none'],
    ],
  ],
];

describe('export of an image', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-export-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const read = (archive: Uint8Array, known?: (path: string) => string | undefined) =>
    readSavedImage(Readable.from([archive]), 'sha256:abc', { directory, known });

  for (const [name, archive, expected] of layouts) {
    it(name, async () => {
      const image = await read(archive);
      expect(Buffer.from(image.config)).to.deep.equal(config);
      expect(image.layers.map(({ path, compression }) => [path, compression])).to.deep.equal(expected);
      expect(image.layers.map(({ diffId }) => diffId)).to.deep.equal(
        [one, two].map((layer) => `sha256:${sha(layer)}`),
      );
      const stored = [one, expected[1]?.[1] === 'gzip' ? zipped : two];
      for (const [index, layer] of image.layers.entries())
        expect(await readFile(layer.file ?? ''), layer.path).to.deep.equal(stored[index]);
      expect(await readdir(directory)).to.have.length(2);
    });

    it(`${name}, every layer known`, async () => {
      const known = new Map(expected.map(([path], index) => [path, digestOf(index === 0 ? one : two)]));
      const image = await read(archive, (path) => known.get(path));
      expect(image.layers.map(({ file: spooled }) => spooled)).to.deep.equal([undefined, undefined]);
      expect(image.layers.map(({ compression }) => compression)).to.deep.equal(
        expected.map(([, compression]) => compression),
      );
      expect(await readdir(directory)).to.deep.equal([]);
    });
  }

  it('blobs as they are stored come with their descriptor', async () => {
    const archive = layouts[3]?.[1] ?? Buffer.alloc(0);
    const stored = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: digestOf(zipped),
      size: zipped.length,
    };
    expect((await read(archive)).layers.map((layer) => layer.stored)).to.deep.equal([undefined, stored]);
    const again = await read(archive, (path) => (path === blob(zipped) ? digestOf(two) : undefined));
    expect(again.layers.map((layer) => layer.stored)).to.deep.equal([undefined, stored]);
  });

  it('zstd blobs are taken as stored, spooled or known', async () => {
    const manifestBlob = json({
      layers: [{ digest: digestOf(zstd), mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }],
    });
    const own = configOf(two);
    const archive = tar([
      file(blob(zstd), zstd),
      file(blob(own), own),
      file(blob(manifestBlob), manifestBlob),
      file('index.json', json({ manifests: [{ digest: digestOf(manifestBlob) }] })),
      manifest(blob(own), [blob(zstd)]),
    ]);
    const stored = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      digest: digestOf(zstd),
      size: zstd.length,
    };
    for (const known of [undefined, (path: string) => (path === blob(zstd) ? digestOf(two) : undefined)]) {
      const { layers } = await read(archive, known);
      expect(layers[0]).to.deep.include({ compression: 'zstd', diffId: digestOf(two), stored });
    }
  });

  it('one layer twice', async () => {
    const twice = configOf(one, one);
    const archive = tar([
      file('c.json', twice),
      file('a/layer.tar', one),
      link('b/layer.tar', '../a/layer.tar'),
      manifest('c.json', ['a/layer.tar', 'b/layer.tar']),
    ]);
    const { layers } = await read(archive);
    expect(layers.map((layer) => layer.path)).to.deep.equal(['a/layer.tar', 'a/layer.tar']);
  });

  it('an image without layers', async () => {
    expect((await read(tar([file('c.json', configOf()), manifest('c.json', [])]))).layers).to.deep.equal([]);
  });

  const whole = [file('c.json', config), file('1.tar', one), file('2.tar', two)];
  const names = ['1.tar', '2.tar'];
  const bad: readonly [string, Uint8Array, string][] = [
    ['nothing', Buffer.alloc(0), 'the archive is empty'],
    ['no tar', Buffer.from('{"message":"x"}'.repeat(100)), 'tar'],
    ['a tar that breaks off in a layer', tar([...whole, manifest('c.json', names)]).subarray(0, 2000), ''],
    ['no manifest.json', tar(whole), 'manifest.json is missing'],
    [
      'a manifest.json that is no JSON',
      tar([...whole, file('manifest.json', '[{')]),
      'manifest.json is not JSON',
    ],
    ['a manifest.json that is null', tar([...whole, file('manifest.json', 'null')]), 'no JSON object'],
    [
      'a manifest.json of nothing',
      tar([...whole, file('manifest.json', '[]')]),
      'names no config and layers',
    ],
    [
      'a manifest.json of other types',
      tar([...whole, file('manifest.json', '[{"Config":1,"Layers":[2]}]')]),
      'names no config and layers',
    ],
    ['no config', tar([...whole.slice(1), manifest('c.json', names)]), 'c.json is missing'],
    [
      'a config that is no JSON',
      tar([file('c.json', '{'), ...whole.slice(1), manifest('c.json', names)]),
      'the config is not JSON',
    ],
    [
      'a config without diff ids',
      tar([file('c.json', '{}'), ...whole.slice(1), manifest('c.json', names)]),
      'no rootfs.diff_ids',
    ],
    [
      'a config of another name',
      tar([
        file(`${'0'.repeat(64)}.json`, config),
        ...whole.slice(1),
        manifest(`${'0'.repeat(64)}.json`, names),
      ]),
      'is called 0000',
    ],
    ['a layer too few', tar([...whole, manifest('c.json', ['1.tar'])]), 'counts 2 layers, manifest.json 1'],
    [
      'a layer that is missing',
      tar([...whole.slice(0, 2), manifest('c.json', names)]),
      'layer 2.tar is missing',
    ],
    [
      'layers in another order',
      tar([...whole, manifest('c.json', ['2.tar', '1.tar'])]),
      'layer 2.tar has the diff id',
    ],
    [
      'a layer with other content',
      tar([...whole.slice(0, 2), file('2.tar', 'x'), manifest('c.json', names)]),
      'layer 2.tar has the diff id',
    ],
    [
      'a blob under another name',
      tar([file('c.json', configOf(one)), file(blob(two), one), manifest('c.json', [blob(two)])]),
      'has the digest',
    ],
    [
      'gzip that breaks off',
      tar([
        file('c.json', configOf(two)),
        file('2.tar', zipped.subarray(0, 30)),
        manifest('c.json', ['2.tar']),
      ]),
      '',
    ],
    [
      'a link in a circle',
      tar([file('c.json', configOf(one)), link('a', 'b'), link('b', 'a'), manifest('c.json', ['a'])]),
      'layer a is missing',
    ],
    [
      'a layer that leads outside',
      tar([file('c.json', configOf(one)), manifest('c.json', ['../../etc/passwd'])]),
      'is missing',
    ],
  ];
  for (const [name, archive, message] of bad)
    it(`refuses ${name}`, async () => {
      const error = await read(archive).catch((thrown: unknown) => thrown);
      expect(isMabuildError(error) && error.code, String(error)).to.equal('EXPORT_INVALID');
      expect((error as Error).message).to.contain(message);
    });

  it('refuses a known layer that the config does not have', async () => {
    const archive = layouts[0]?.[1] ?? Buffer.alloc(0);
    const error = await read(archive, () => digestOf(zipped)).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.contain('was known as');
  });

  it('an abort rejects with its own reason', async () => {
    const reason = { why: 'enough' };
    const signal = AbortSignal.abort(reason);
    const promise = readSavedImage(Readable.from([layouts[0]?.[1] ?? '']), 'x', { directory, signal });
    expect(await promise.catch((thrown: unknown) => thrown)).to.equal(reason);
  });
});
