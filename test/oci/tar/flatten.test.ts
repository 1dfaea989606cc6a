import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { type Descriptor, flattenImage, parseImageIndex, readTarEntries } from '@mabuild/oci';
import { expect } from 'chai';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { rejection } from '../../support/rejection.ts';
import { makeTar, type TarInput } from '../../support/tar.ts';

const dir = (path: string, mode = 0o755): TarInput => ({ path: `${path}/`, folder: true, mode });
const file = (path: string, content = path): TarInput => ({ path, content });
const hard = (path: string, hardlink: string): TarInput => ({ path, hardlink });
const soft = (path: string, symlink: string): TarInput => ({ path, symlink });
const long = `${'long/'.repeat(40)}f`;

interface Row {
  readonly what: string;
  /** The first at the bottom. */
  readonly layers: readonly (readonly TarInput[])[];
  /** `path = content`, `path/`, `path -> target`; names of one file are joined with `, `. */
  readonly files: readonly string[];
  /** How often layers are read. Default: once each. */
  readonly reads?: number;
}

const rows: readonly Row[] = [
  { what: 'no layers', layers: [], files: [] },
  {
    what: 'one layer',
    layers: [[dir('a'), file('a/f'), soft('l', '/a')]],
    files: ['a/', 'a/f = a/f', 'l -> /a'],
  },
  {
    what: 'the same file in three layers',
    layers: [[file('f', '1')], [file('f', '2')], [file('f', '3')]],
    files: ['f = 3'],
  },
  {
    what: 'names with ./ and without',
    layers: [[file('./a/f', '1')], [file('a/f', '2')]],
    files: ['a/f = 2'],
  },
  { what: 'a whiteout', layers: [[file('f'), file('g')], [file('.wh.f', '')]], files: ['g = g'] },
  {
    what: 'a whiteout of a folder, and only of it',
    layers: [[dir('a'), file('a/b/f'), file('ab')], [file('.wh.a', '')]],
    files: ['ab = ab'],
  },
  {
    what: 'a whiteout of what the same layer holds',
    layers: [[file('f', '1')], [file('f', '2'), file('.wh.f', '')]],
    files: ['f = 2'],
  },
  {
    what: 'what was deleted and came back',
    layers: [[file('a/f', '1'), file('a/g')], [file('.wh.a', '')], [file('a/f', '3')]],
    files: ['a/f = 3'],
  },
  {
    what: 'a whiteout of nothing',
    layers: [[file('f')], [file('.wh.nothing', ''), file('a/.wh.nothing', '')]],
    files: ['f = f'],
  },
  {
    what: 'an opaque folder',
    layers: [
      [dir('a'), file('a/f'), file('b')],
      [dir('a', 0o700), file('a/.wh..wh..opq', ''), file('a/g')],
    ],
    files: ['a/', 'a/g = a/g', 'b = b'],
  },
  {
    what: 'an opaque folder whose marker comes last',
    layers: [
      [file('a/f'), file('a/s/f')],
      [dir('a'), file('a/g'), file('a/.wh..wh..opq', '')],
    ],
    files: ['a/', 'a/g = a/g'],
  },
  {
    what: 'an opaque root',
    layers: [
      [file('f'), dir('a')],
      [file('.wh..wh..opq', ''), file('g')],
    ],
    files: ['g = g'],
  },
  {
    what: 'a file that became a folder',
    layers: [[file('x', '1')], [dir('x'), file('x/f')]],
    files: ['x/', 'x/f = x/f'],
  },
  {
    what: 'a folder that became a file',
    layers: [[dir('x'), file('x/f')], [file('x', '2')]],
    files: ['x = 2'],
  },
  {
    what: 'a folder that became a file and a folder again',
    layers: [[dir('x'), file('x/old')], [file('x', '2')], [dir('x'), file('x/new')]],
    files: ['x/', 'x/new = x/new'],
  },
  {
    what: 'a folder that became a link',
    layers: [[dir('bin'), file('bin/sh')], [soft('bin', 'usr/bin')]],
    files: ['bin -> usr/bin'],
  },
  {
    what: 'a folder of two layers',
    layers: [
      [dir('a'), file('a/f')],
      [dir('a', 0o700), file('a/g')],
    ],
    files: ['a/', 'a/f = a/f', 'a/g = a/g'],
  },
  {
    what: 'a hard link in one layer',
    layers: [[file('a', '1'), hard('b', 'a')], [file('c')]],
    files: ['a, b = 1', 'c = c'],
  },
  {
    what: 'a hard link whose other name an upper layer replaced',
    layers: [[file('a', '1'), hard('b', 'a'), hard('c', 'a')], [file('a', '2')]],
    files: ['a = 2', 'b, c = 1'],
    reads: 3,
  },
  {
    what: 'a hard link whose other name an upper layer deleted',
    layers: [[file('a', '1'), hard('b', 'a')], [file('.wh.a', '')]],
    files: ['b = 1'],
    reads: 3,
  },
  {
    what: 'a hard link whose other name lies in a folder that an upper layer made opaque',
    layers: [
      [file('d/a', '1'), hard(long, 'd/a')],
      [dir('d'), file('d/.wh..wh..opq', '')],
    ],
    files: ['d/', `${long} = 1`],
    reads: 3,
  },
  {
    what: 'a hard link that an upper layer replaced itself',
    layers: [[file('a', '1'), hard('b', 'a')], [file('b', '2')]],
    files: ['a = 1', 'b = 2'],
  },
  {
    what: 'both names replaced',
    layers: [
      [file('a', '1'), hard('b', 'a')],
      [file('a', '2'), hard('b', 'a')],
    ],
    files: ['a, b = 2'],
  },
  {
    what: 'a hard link to a link whose other name an upper layer replaced',
    layers: [[soft('a', 'target'), hard('b', 'a')], [file('a', '2')]],
    files: ['a = 2', 'b -> target'],
    reads: 3,
  },
  {
    what: 'a link where an upper layer has files below a folder that it does not list',
    layers: [[dir('bin'), file('bin/old')], [soft('bin', 'usr/bin'), file('usr/bin/sh')], [file('bin/new')]],
    files: ['bin/new = bin/new', 'usr/bin/sh = usr/bin/sh'],
  },
  {
    what: 'a folder where an upper layer has files below it that does not list it',
    layers: [[dir('bin', 0o700), file('bin/old')], [file('bin/new')]],
    files: ['bin/', 'bin/new = bin/new', 'bin/old = bin/old'],
  },
  {
    what: 'absolute names',
    layers: [
      [dir('/a'), file('/a/f', '1'), hard('/a/h', '/a/f'), soft('/a/s', '/x'), file('/b')],
      [file('/.wh.b', '')],
    ],
    files: ['a/', 'a/f, a/h = 1', 'a/s -> /x'],
  },
  {
    what: 'an absolute hard link whose other name an upper layer replaced',
    layers: [[file('/a', '1'), hard('/b', '/a')], [file('a', '2')]],
    files: ['a = 2', 'b = 1'],
    reads: 3,
  },
  { what: 'long names', layers: [[file(long, '1')], [file(long, '2')]], files: [`${long} = 2`] },
];

describe('flattenImage', () => {
  for (const { what, layers, files, reads = layers.length } of rows) {
    it(what, async () => {
      const image = makeImage({ platform: 'linux/amd64', layers });
      expect(await listing(await flattenImage(image, manifestOf(image)))).to.deep.equal(files);
      const blobs = image.reads.filter((digest) => image.layers[0]?.includes(digest));
      expect(blobs).to.have.length(reads);
    });
  }

  it('keeps modes, owners and times as the layer has them', async () => {
    const image = makeImage({ platform: 'linux/amd64', layers: [[{ ...file('f', 'x'), mode: 0o4711 }], []] });
    const [entry] = await entriesOf(await flattenImage(image, manifestOf(image)));
    expect(entry).to.include({ name: 'f', mode: 0o4711 });
  });

  it('gives what tar unpacks', async () => {
    const image = makeImage({
      platform: 'linux/amd64',
      layers: [[file('a', '1'), hard(long, 'a'), hard('c', 'a')], [file('a', '2')]],
    });
    const folder = await mkdtemp(join(tmpdir(), 'mabuild-flatten-'));
    try {
      await writeFile(join(folder, 'x.tar'), await buffer(await flattenImage(image, manifestOf(image))));
      execFileSync('tar', ['-C', folder, '-xf', join(folder, 'x.tar')]);
      const said = execFileSync('cat', [long, 'c', 'a'], { cwd: folder, encoding: 'utf8' });
      expect(said).to.equal('112');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  const bad: readonly (readonly [string, readonly (readonly TarInput[] | Buffer)[], string])[] = [
    ['a name that leads out', [[file('../f')]], 'UNSAFE_PATH'],
    ['a whiteout that leads out', [[file('f')], [file('../.wh.f')]], 'UNSAFE_PATH'],
    ['a hard link that leads out', [[hard('h', '../f')]], 'UNSAFE_PATH'],
    ['a layer that is cut off', [makeTar([file('f', 'x'.repeat(2000))]).subarray(0, 1000)], 'INVALID_TAR'],
    ['a layer that is no tar', [Buffer.from('no tar '.repeat(200))], 'INVALID_TAR'],
    ['a layer that cannot be decompressed', [Buffer.from('BZh91AY&SY')], 'INVALID_COMPRESSION'],
  ];
  for (const [what, layers, code] of bad) {
    it(`refuses ${what}`, async () => {
      const image = makeImage({ platform: 'linux/amd64', layers });
      const error = await rejection(flattenImage(image, manifestOf(image)).then((tar) => buffer(tar)));
      expect(error.code, error.message).to.equal(code);
    });
  }

  it('passes on that a layer is not what its digest says', async () => {
    const image = makeImage({ platform: 'linux/amd64', layers: [[file('f', 'good')]] });
    const [digest = ''] = image.layers[0] ?? [];
    image.blobs.set(digest, makeTar([file('f', 'evil')]));
    const error = await rejection(flattenImage(image, manifestOf(image)).then((tar) => buffer(tar)));
    expect(error.code).to.be.oneOf(['DIGEST_MISMATCH', 'SIZE_MISMATCH']);
  });
});

function manifestOf(image: MadeImage): Descriptor {
  const index = parseImageIndex(image.blobs.get(image.root.digest) ?? Buffer.alloc(0));
  const [manifest] = index.manifests;
  if (manifest === undefined) throw new Error('an image without a manifest');
  return manifest;
}

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly linkname: string;
  readonly content: string;
}

async function entriesOf(tar: Readable): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const { name, type, mode, linkname = '', body } of readTarEntries(tar))
    entries.push({ name: name.replace(/^\.\//, ''), type, mode, linkname, content: await text(body) });
  return entries;
}

/** What lies where after unpacking; a hard link must come after the file that it links to. */
async function listing(tar: Readable): Promise<readonly string[]> {
  const files = new Map<string, { names: string[]; content: string }>();
  const others: string[] = [];
  for (const { name, type, linkname, content } of await entriesOf(tar)) {
    if (type === 'directory') others.push(`${name.replace(/\/$/, '')}/`);
    else if (type === 'symlink') others.push(`${name} -> ${linkname}`);
    else if (type === 'file') files.set(name, { names: [name], content });
    else {
      const other = files.get(linkname);
      if (other === undefined)
        throw new Error(`${name} is a hard link to ${linkname}, which has not come yet`);
      other.names.push(name);
    }
  }
  const lines = [...files.values()].map(({ names, content }) => `${names.join(', ')} = ${content}`);
  return [...lines, ...others].sort();
}
