import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { BlobStore, isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { openAt } from '../../../../packages/core/src/engines/embedded/layers/content-at.ts';
import {
  comparePaths,
  type LayerEntry,
} from '../../../../packages/core/src/engines/embedded/layers/entry.ts';
import { readLayer } from '../../../../packages/core/src/engines/embedded/layers/read-layer.ts';
import { storeLayer } from '../../../../packages/core/src/engines/embedded/layers/store-layer.ts';
import { layerChunks } from '../../../../packages/core/src/engines/embedded/layers/write-layer.ts';
import { rejection } from '../../../support/rejection.ts';

const file = (path: string, content: string | Buffer, fields: Partial<LayerEntry> = {}): LayerEntry => ({
  ...{ path, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 1, size: Buffer.byteLength(content) },
  open: async () => Readable.from([Buffer.from(content)], { objectMode: false }),
  ...fields,
});
const other = (path: string, type: LayerEntry['type'], fields: Partial<LayerEntry> = {}): LayerEntry => ({
  ...{ path, type, mode: 0o644, uid: 0, gid: 0, mtime: 1, size: 0 },
  ...fields,
});

interface Read extends Omit<LayerEntry, 'open'> {
  readonly content?: string;
}

async function written(entries: readonly LayerEntry[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const { bytes } of layerChunks(entries)) parts.push(bytes);
  return Buffer.concat(parts);
}

async function read(tar: Buffer): Promise<readonly Read[]> {
  const found: Read[] = [];
  for await (const { entry, body, offset } of readLayer(Readable.from([tar]))) {
    const content = (await buffer(body())).toString('latin1');
    if (entry.type === 'file') {
      expect(tar.toString('latin1', offset, offset + entry.size)).to.equal(content);
      found.push({ ...entry, content });
    } else found.push(entry);
  }
  return found;
}

const long = `${'long/'.repeat(40)}name`;
const table: readonly (readonly [string, LayerEntry])[] = [
  ['a file', file('a', 'content')],
  ['an empty file', file('a', '')],
  ['a file of a whole block', file('a', 'x'.repeat(512))],
  ['a file below folders', file('a/b/c', 'x')],
  ['a long name', file(long, 'x')],
  ['a name of 100 characters', file('n'.repeat(100), 'x')],
  ['a name of 101 characters', file('n'.repeat(101), 'x')],
  ['a name that is no ASCII', file('Grüße/文件', 'x')],
  ['a name with a line end', file('a\nb', 'x')],
  ['set-user-id and sticky', file('a', 'x', { mode: 0o5755 })],
  ['no permissions', file('a', 'x', { mode: 0 })],
  ['large owners', file('a', 'x', { uid: 3_000_000, gid: 4_294_967_294 })],
  ['owners at the edge', file('a', 'x', { uid: 2_097_151, gid: 2_097_152 })],
  ['time zero', file('a', 'x', { mtime: 0 })],
  ['a time before 1970', file('a', 'x', { mtime: -5 })],
  ['a late time', file('a', 'x', { mtime: 10_000_000_000 })],
  [
    'extended attributes',
    file('a', 'x', {
      xattrs: {
        'security.capability': Buffer.from([1, 0, 0, 2, 0xff, 10, 61]).toString('base64'),
        'user.é': Buffer.from('ü').toString('base64'),
      },
    }),
  ],
  ['an empty extended attribute', file('a', 'x', { xattrs: { 'user.none': '' } })],
  ['a folder', other('a/b', 'directory', { mode: 0o1777, uid: 5 })],
  ['a long folder', other(long, 'directory')],
  ['a symlink', other('a', 'symlink', { mode: 0o777, linkname: '../x' })],
  ['an absolute symlink', other('a', 'symlink', { mode: 0o777, linkname: '/etc//x' })],
  ['a long symlink', other('a', 'symlink', { mode: 0o777, linkname: `/${long}` })],
  ['a hard link', other('b', 'link', { linkname: 'a' })],
  ['a character device', other('null', 'character-device', { major: 1, minor: 3, mode: 0o666 })],
  ['a block device', other('sda', 'block-device', { major: 8, minor: 300 })],
  ['a named pipe', other('pipe', 'fifo')],
  ['a whiteout', other('a/gone', 'whiteout')],
  ['a whiteout in the root', other('gone', 'whiteout')],
  ['an opaque folder', other('a/b', 'opaque')],
  ['an opaque root', other('', 'opaque')],
];

describe('embedded layers', () => {
  for (const [name, entry] of table) {
    it(`writes and reads ${name}`, async () => {
      const tar = await written([entry]);
      expect(tar.length % 512).to.equal(0);
      const { open, ...fields } = entry;
      const content =
        open && entry.size > 0 ? { content: (await buffer(await open())).toString('latin1') } : {};
      const expected = entry.type === 'file' ? { ...fields, content: '', ...content } : fields;
      expect(await read(tar)).to.deep.equal([expected]);
    });
  }

  it('writes what tar lists', async () => {
    const entries = table.map(([, entry]) => entry).filter(({ path }) => path !== '' && !path.includes('\n'));
    const tar = await written(entries);
    const { status, stdout, stderr } = spawnSync('tar', ['-tf', '-', '--quoting-style=literal'], {
      input: tar,
      encoding: 'utf8',
      env: { LC_ALL: 'C.UTF-8', PATH: process.env.PATH },
    });
    expect(status, stderr).to.equal(0);
    expect(stdout.trim().split('\n')).to.have.length(entries.length);
    expect(stdout).to.include('Grüße/文件').and.include(long);
  });

  it('writes the same bytes for the same entries', async () => {
    const entries = table.map(([, entry]) => entry);
    const [one, two] = [await written(entries), await written(entries)];
    expect(one.equals(two)).to.equal(true);
  });

  for (const [name, size] of [
    ['longer', 3],
    ['shorter', 30],
  ] as const) {
    it(`refuses a file that became ${name}`, async () => {
      const error = await rejection(written([file('a', '0123456789', { size })]));
      expect(isMabuildError(error) && error.code).to.equal('CONTEXT_CHANGED');
    });
  }

  it('orders folders before what lies in them', () => {
    const sorted = ['a-b', 'a/b', 'a', 'a/b/c', 'a.b', 'A', 'é', 'a b'].sort(comparePaths);
    expect(sorted).to.deep.equal(['A', 'a', 'a/b', 'a/b/c', 'a b', 'a-b', 'a.b', 'é']);
  });

  it('orders names by their bytes, whatever characters they have', () => {
    const characters = ['', '/', '!', '-', 'a', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '🙂', '\u{10ffff}'];
    const names = characters.flatMap((a) =>
      characters.flatMap((b) => characters.map((c) => `x${a}${b}${c}`)),
    );
    const key = (name: string): Buffer => Buffer.from(name.replaceAll('/', '\0'));
    for (const one of names)
      for (const other of names.filter((_, index) => index % 17 === 0)) {
        const expected = Buffer.compare(key(one), key(other));
        expect(Math.sign(comparePaths(one, other)), JSON.stringify([one, other])).to.equal(expected);
      }
  });

  describe('sparse files', () => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'mabuild-sparse-'));
    });
    after(() => rm(directory, { recursive: true, force: true }));

    const shapes: readonly (readonly [string, number, readonly number[]])[] = [
      ['all hole', 3_000_000, []],
      ['data at the start', 3_000_000, [0]],
      ['data at the end', 3_000_000, [2_999_000]],
      ['data here and there', 9_000_000, Array.from({ length: 40 }, (_, index) => 200_000 * index + 77)],
      ['no hole', 4000, [0, 1000, 2000, 3000]],
    ];
    for (const how of [
      '--format=gnu',
      '--format=posix --sparse-version=0.1',
      '--format=posix --sparse-version=1.0',
    ]) {
      for (const [name, size, offsets] of shapes) {
        it(`are read with ${name}, ${how}`, async function () {
          const path = join(directory, 'sparse');
          const handle = await open(path, 'w');
          await handle.truncate(size);
          for (const offset of offsets) await handle.write(Buffer.alloc(1000, `${offset} `), 0, 1000, offset);
          await handle.close();
          const archive = join(directory, 'archive.tar');
          const made = spawnSync('tar', ['-C', directory, '-cSf', archive, ...how.split(' '), 'sparse']);
          if (made.error || made.status !== 0) this.skip();
          const expected = await readFile(path);
          const found: Buffer[] = [];
          for await (const { entry, offset, pieces, body } of readLayer(createReadStream(archive))) {
            expect([entry.path, entry.size]).to.deep.equal(['sparse', size]);
            const random = await buffer(openAt(archive, { size, offset, pieces }));
            expect(random.equals(expected)).to.equal(true);
            found.push(await buffer(Readable.from(body())));
          }
          expect(found.map((content) => content.equals(expected))).to.deep.equal([true]);
        });
      }
    }
  });

  describe('the store', () => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'mabuild-layers-'));
    });
    after(() => rm(directory, { recursive: true, force: true }));

    const random = (size: number): Buffer => {
      const bytes = Buffer.alloc(size);
      for (let at = 0, state = 1; at < size; at += 1) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        bytes[at] = state >>> 16;
      }
      return bytes;
    };
    const inPieces = (path: string, bytes: Buffer, piece: number): LayerEntry =>
      file(path, bytes, {
        open: async () =>
          Readable.from(
            Array.from({ length: Math.ceil(bytes.length / piece) }, (_, index) =>
              bytes.subarray(index * piece, (index + 1) * piece),
            ),
            { objectMode: false },
          ),
      });

    it('holds the tar, whatever is dense in it, and comes out the same however it came in', async () => {
      const text = Buffer.from('some text that repeats itself\n'.repeat(30_000));
      const dense = random(700_000);
      const digests: string[] = [];
      for (const piece of [1000, 65_536, 1_000_000]) {
        const entries = [
          inPieces('1', text, piece),
          inPieces('2', dense, piece),
          inPieces('3', text, piece),
          file('4', '4'),
        ];
        const store = new BlobStore(join(directory, String(piece)));
        const stored = await storeLayer(store, layerChunks(entries));
        const bytes = await buffer(
          await store.read({ mediaType: 'x', digest: stored.digest, size: stored.size }),
        );
        const tar = await written(entries);
        expect(gunzipSync(bytes).equals(tar)).to.equal(true);
        expect(bytes.length)
          .to.be.lessThan(tar.length / 2)
          .and.greaterThan(dense.length);
        digests.push(stored.digest);
      }
      expect(new Set(digests).size).to.equal(1);
    });

    it('holds nothing when the tar breaks off', async () => {
      const store = new BlobStore(join(directory, 'broken'));
      const chunks = layerChunks([file('a', random(600_000)), file('b', 'x', { size: 5 })]);
      const error = await rejection(storeLayer(store, chunks));
      expect(isMabuildError(error) && error.code).to.equal('CONTEXT_CHANGED');
      const { readdir } = await import('node:fs/promises');
      expect(await readdir(join(directory, 'broken/blobs/sha256'))).to.deep.equal([]);
    });

    it('stops when it is told to', async () => {
      const stop = new AbortController();
      const endless = async function* () {
        for (;;) yield { bytes: random(300_000), dense: true };
      };
      const storing = storeLayer(new BlobStore(join(directory, 'stopped')), endless(), {
        signal: stop.signal,
      });
      setTimeout(() => stop.abort(new Error('enough')), 30);
      expect(String(await rejection(storing))).to.equal('Error: enough');
    });
  });
});
