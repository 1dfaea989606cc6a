import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import {
  mergedNode,
  type UnpackedLayer,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/files/merged.ts';
import { unpackLayer } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/unpack.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { file, folder, other, symlink } from '../../../../../support/sandbox.ts';

interface Row {
  readonly name: string;
  /** Layers from the bottom. OUT stands for a folder outside. */
  readonly layers: (out: string) => readonly (readonly LayerEntry[])[];
  /** What the merged view has: path to content, `folder`, `-> link`, or nothing. */
  readonly has?: Readonly<Record<string, string | undefined>>;
  readonly code?: string;
  readonly notes?: RegExp;
}

const deep = Array.from({ length: 1500 }, (_, index) => `d${index % 10}`).join('/');
const escaped = `mabuild-escaped-${process.pid}`;
const wide = 'n'.repeat(255);

/** Nothing of these is ever written outside. */
const hostile: readonly Row[] = [
  {
    name: 'a file through an absolute link',
    layers: (out) => [[symlink('l', out), file('l/x', 'bad')]],
    has: {},
  },
  {
    name: 'a file through a relative link',
    layers: () => [[symlink('l', '../../../../../../tmp'), file(`l/${escaped}`, 'in')]],
    has: { [`tmp/${escaped}`]: 'in' },
  },
  {
    name: 'a file through a link to the folder above',
    layers: () => [[symlink('l', '..'), file('l/x', 'in')]],
    has: { x: 'in' },
  },
  {
    name: 'a file through a link of the layer below',
    layers: (out) => [[symlink('l', out)], [file('l/x', 'bad')]],
    has: {},
  },
  {
    name: 'a file over a link',
    layers: (out) => [[symlink('l', join(out, 'x')), file('l', 'in')]],
    has: { l: 'in' },
  },
  {
    name: 'a folder over a link',
    layers: (out) => [[symlink('l', out), folder('l', { mode: 0o777 }), file('l/x', 'in')]],
    has: { 'l/x': 'in' },
  },
  {
    name: 'a link over a folder with files to come',
    layers: (out) => [[folder('d'), file('d/a'), symlink('d', out), file('d/x', 'bad')]],
    has: {},
  },
  {
    name: 'a device in a folder that becomes a link',
    layers: (out) => [[folder('d'), other('d/x', 'fifo'), symlink('d', out)]],
    has: { d: undefined },
  },
  {
    name: 'attributes of a file in a folder that becomes a link',
    layers: (out) => [
      [folder('d'), file('d/there', '', { xattrs: { 'user.a': 'Yg==' } }), symlink('d', out)],
    ],
  },
  {
    name: 'a whiteout in a folder that becomes a link',
    layers: (out) => [
      [folder('d'), file('d/there')],
      [folder('d'), other('d/there', 'whiteout'), symlink('d', out)],
    ],
  },
  {
    name: 'an opaque folder that becomes a link',
    layers: (out) => [
      [folder('d'), file('d/there')],
      [folder('d'), other('d', 'opaque'), symlink('d', out)],
    ],
  },
  {
    name: 'the times of a folder that becomes a link',
    layers: (out) => [[folder('d', { mtime: 1 }), symlink('d', out)]],
  },
  {
    name: 'a hard link through a link',
    layers: (out) => [[symlink('l', out), other('h', 'link', { linkname: 'l/there' })]],
    code: 'INVALID_TAR',
  },
  {
    name: 'a hard link to an absolute path',
    layers: (out) => [[other('h', 'link', { linkname: join(out, 'there') })]],
    code: 'INVALID_TAR',
  },
  {
    name: 'a hard link to a path that climbs',
    layers: () => [[other('h', 'link', { linkname: '../../../../etc/passwd' })]],
    code: 'UNSAFE_PATH',
  },
  {
    name: 'a hard link to a link, written through',
    layers: (out) => [[symlink('l', join(out, 'x')), other('h', 'link', { linkname: 'l' }), file('h', 'in')]],
    has: { h: 'in' },
  },
  {
    name: 'a hard link to itself',
    layers: () => [[file('h', 'in'), other('h', 'link', { linkname: 'h' })]],
    has: { h: 'in' },
  },
  {
    name: 'a hard link to a folder',
    layers: () => [[folder('d'), other('h', 'link', { linkname: 'd' })]],
    code: 'INVALID_TAR',
  },
  {
    name: 'a hard link to nothing',
    layers: () => [[other('h', 'link', { linkname: 'gone' })]],
    code: 'INVALID_TAR',
  },
  { name: 'a path that climbs', layers: () => [[file('../x', 'bad')]], code: 'UNSAFE_PATH' },
  { name: 'a path that climbs later', layers: () => [[file('a/../../x', 'bad')]], code: 'UNSAFE_PATH' },
  { name: 'an absolute path', layers: () => [[file('/x', 'in')]], has: { x: 'in' } },
  {
    name: 'links in a circle',
    layers: () => [[symlink('a', 'b'), symlink('b', 'a'), file('a/x')]],
    code: 'TOO_MANY_LINKS',
  },
  { name: 'a file in a file', layers: () => [[file('f'), file('f/x')]], code: 'UNSUPPORTED_LAYER' },
  {
    name: 'a file in a file of the layer below',
    layers: () => [[file('f')], [file('f/x')]],
    code: 'UNSUPPORTED_LAYER',
  },
  {
    name: 'a whiteout that names the folder above',
    layers: () => [[other('d/..', 'whiteout')]],
    code: 'UNSUPPORTED_LAYER',
  },
  { name: 'a very deep path', layers: () => [[file(`${deep}/x`)]], code: 'UNSUPPORTED_LAYER' },
  { name: 'the longest name', layers: () => [[file(wide, 'in')]], has: { [wide]: 'in' } },
  { name: 'a name that is too long', layers: () => [[file(`${wide}n`)]], code: 'UNSUPPORTED_LAYER' },
  {
    name: 'the device that stands for a whiteout',
    layers: () => [[file('f', 'in')], [other('f', 'character-device', { major: 0, minor: 0 })]],
    notes: /0\/0/,
  },
  {
    name: 'attributes of overlayfs',
    layers: () => [
      [
        folder('d', {
          xattrs: { 'trusted.overlay.redirect': 'L2V0Yw==', 'user.overlay.redirect': 'L2V0Yw==' },
        }),
      ],
    ],
    has: { d: 'folder' },
  },
];

/** What layers make of each other. */
const meanings: readonly Row[] = [
  { name: 'duplicates: the last counts', layers: () => [[file('f', '1'), file('f', '2')]], has: { f: '2' } },
  {
    name: 'a folder twice keeps its files',
    layers: () => [[folder('d'), file('d/x', '1'), folder('d')]],
    has: { 'd/x': '1' },
  },
  {
    name: 'a folder over a file over a folder is empty',
    layers: () => [
      [folder('d'), file('d/x')],
      [file('d'), folder('d')],
    ],
    has: { d: 'folder', 'd/x': undefined },
  },
  { name: 'a whiteout', layers: () => [[file('f')], [other('f', 'whiteout')]], has: { f: undefined } },
  {
    name: 'a whiteout before its new file',
    layers: () => [[file('f', '1')], [other('f', 'whiteout'), file('f', '2')]],
    has: { f: '2' },
  },
  {
    name: 'a whiteout after its new file',
    layers: () => [[file('f', '1')], [file('f', '2'), other('f', 'whiteout')]],
    has: { f: '2' },
  },
  {
    name: 'a whiteout before its new folder',
    layers: () => [
      [folder('d'), file('d/x')],
      [other('d', 'whiteout'), folder('d')],
    ],
    has: { d: 'folder', 'd/x': undefined },
  },
  {
    name: 'a whiteout after its new folder',
    layers: () => [
      [folder('d'), file('d/x')],
      [folder('d'), file('d/y', '2'), other('d', 'whiteout')],
    ],
    has: { 'd/y': '2', 'd/x': undefined },
  },
  { name: 'a whiteout of nothing', layers: () => [[other('f', 'whiteout')]], has: { f: undefined } },
  {
    name: 'an opaque folder',
    layers: () => [
      [folder('d'), file('d/x')],
      [other('d', 'opaque'), file('d/y', '2')],
    ],
    has: { 'd/x': undefined, 'd/y': '2' },
  },
  {
    name: 'a hard link to the layer below',
    layers: () => [[file('f', '1')], [other('h', 'link', { linkname: 'f' })]],
    has: { h: '1', f: '1' },
  },
  { name: 'folders that are not listed', layers: () => [[file('a/b/c', '1')]], has: { 'a/b/c': '1' } },
];

for (const marks of ['trusted', 'user', 'none'] as const) {
  describe(`unpacking layers with ${marks} marks`, () => {
    let work = '';
    before(function () {
      if (process.platform !== 'linux' || process.getuid?.() !== 0) this.skip();
    });
    beforeEach(() => {
      work = mkdtempSync(join(tmpdir(), 'mabuild-unpack-'));
    });
    afterEach(() => rmSync(work, { recursive: true, force: true }));

    const unpack = async (row: Row, out: string): Promise<{ layers: UnpackedLayer[]; notes: string[] }> => {
      const place = {
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        directory: join(work, 'programs'),
      };
      mkdirSync(place.directory);
      const notes: string[] = [];
      let layers: UnpackedLayer[] = [];
      for (const [index, entries] of row.layers(out).entries()) {
        const root = join(work, `layer-${index}`);
        mkdirSync(root);
        const request = { tar: layerTar(entries), root, below: layers, place, marks };
        layers = [await unpackLayer({ ...request, onNote: (note) => notes.push(note) }), ...layers];
      }
      return { layers, notes };
    };

    for (const [suite, rows] of Object.entries({ hostile, meanings })) {
      describe(suite, () => {
        for (const row of rows) {
          it(row.name, async () => {
            const out = join(work, 'out');
            mkdirSync(out);
            writeFileSync(join(out, 'there'), 'untouched');
            const before = lstatSync(out);
            let code: string | undefined;
            let seen: { layers: UnpackedLayer[]; notes: string[] } = { layers: [], notes: [] };
            try {
              seen = await unpack(row, out);
            } catch (error) {
              ({ code } = error as { code?: string });
            }
            expect(code).to.equal(row.code);
            for (const [path, expected] of Object.entries(row.has ?? {}))
              expect(shown(seen.layers, path), path).to.equal(expected);
            if (row.notes) expect(seen.notes.join('\n')).to.match(row.notes);
            expect(readdirSync(out)).to.deep.equal(['there']);
            expect(readFileSync(join(out, 'there'), 'utf8')).to.equal('untouched');
            expect(lstatSync(join(out, 'there')).nlink).to.equal(1);
            expect(lstatSync(out).mtimeMs).to.equal(before.mtimeMs);
            expect(lstatSync(out).mode).to.equal(before.mode);
            expect(existsSync(`/tmp/${escaped}`)).to.equal(false);
          });
        }
      });
    }

    it('keeps owners, modes, times, holes, links and attributes', async () => {
      const zeroes = Buffer.concat([Buffer.from('a'), Buffer.alloc(4 * 1024 * 1024), Buffer.from('b')]);
      const { layers } = await unpack(
        {
          name: '',
          layers: () => [
            [
              folder('d', { mode: 0o1777, uid: 3, gid: 4, mtime: 7 }),
              file('d/f', 'x', { mode: 0o4751, uid: 5, gid: 6, mtime: 8, xattrs: { 'user.a': 'Yg==' } }),
              other('d/g', 'link', { linkname: 'd/f' }),
              file('sparse', zeroes),
              symlink('s', 'd/f', { uid: 9, gid: 10, mtime: 11 }),
              other('p', 'fifo', { mode: 0o620, uid: 1 }),
            ],
            [file('d/new', '')],
          ],
        },
        work,
      );
      const facts = (path: string): readonly number[] => {
        const stats = mergedNode(layers, path)?.stats;
        return stats ? [stats.mode & 0o7777, stats.uid, stats.gid, stats.mtimeMs / 1000] : [];
      };
      expect(facts('d')).to.deep.equal([0o1777, 3, 4, 7]);
      expect(facts('d/f')).to.deep.equal([0o4751, 5, 6, 8]);
      expect(facts('s').slice(1)).to.deep.equal([9, 10, 11]);
      expect(facts('p').slice(0, 2)).to.deep.equal([0o620, 1]);
      expect(mergedNode(layers, 'd/g')?.stats.ino).to.equal(mergedNode(layers, 'd/f')?.stats.ino);
      const sparse = mergedNode(layers, 'sparse');
      expect(readFileSync(sparse?.file ?? '').equals(zeroes)).to.equal(true);
      expect(sparse?.stats.blocks).to.be.below(1024);
    });
  });
}

function shown(layers: readonly UnpackedLayer[], path: string): string | undefined {
  const node = mergedNode(layers, path);
  if (node?.stats.isDirectory()) return 'folder';
  return node?.stats.isFile() ? readFileSync(node.file, 'utf8') : undefined;
}
