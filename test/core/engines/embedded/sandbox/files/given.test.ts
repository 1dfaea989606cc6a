import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import { isClosed } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/given.ts';
import type { UnpackedLayer } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/merged.ts';
import { mergedGiven } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/merged.ts';
import { unpackLayer } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/unpack.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { file, folder, other, symlink } from '../../../../../support/sandbox.ts';

interface Row {
  readonly name: string;
  /** From the bottom. */
  readonly layers: readonly (readonly LayerEntry[])[];
  /** What is remembered: `uid:gid mode` by path. */
  readonly given: Readonly<Record<string, string>>;
}

const shadow = file('etc/shadow', 'x', { gid: 42, mode: 0o640 });

const rows: readonly Row[] = [
  { name: 'nothing of root’s own files', layers: [[folder('d'), file('d/f'), symlink('l', 'd')]], given: {} },
  { name: 'owners', layers: [[shadow]], given: { 'etc/shadow': '0:42 640' } },
  {
    name: 'modes that lock even the owner out',
    layers: [[folder('d', { mode: 0o500 }), file('d/f', '', { mode: 0 }), file('d/g', '', { mode: 0o444 })]],
    given: { d: '0:0 500', 'd/f': '0:0 0', 'd/g': '0:0 444' },
  },
  { name: 'owners of links', layers: [[symlink('l', 'd', { uid: 7 })]], given: { l: '7:0 777' } },
  {
    name: 'both names of a hard link',
    layers: [[file('f', 'x', { uid: 7 }), other('h', 'link', { linkname: 'f' })]],
    given: { f: '7:0 644', h: '7:0 644' },
  },
  {
    name: 'what the layer above says instead',
    layers: [[shadow], [folder('etc'), file('etc/shadow', 'y', { gid: 5 })]],
    given: { 'etc/shadow': '0:5 644' },
  },
  {
    name: 'nothing any more of what is root’s above',
    layers: [[shadow], [file('etc/shadow', 'y')]],
    given: {},
  },
  {
    name: 'nothing of what is deleted above',
    layers: [[shadow], [other('etc/shadow', 'whiteout')]],
    given: {},
  },
  { name: 'nothing of what is hidden above', layers: [[shadow], [other('etc', 'opaque')]], given: {} },
  {
    name: 'folders that only hold files of the layer above',
    layers: [[folder('d', { uid: 7, mode: 0o500 })], [file('d/f')]],
    given: { d: '7:0 500' },
  },
  {
    name: 'what a hard link leads to below',
    layers: [[file('f', 'x', { uid: 7 })], [other('h', 'link', { linkname: 'f' })]],
    given: { f: '7:0 644', h: '7:0 644' },
  },
  {
    name: 'nothing of a folder that a file takes the place of',
    layers: [[folder('d', { uid: 7 }), file('d/f', '', { uid: 8 }), file('d')]],
    given: {},
  },
];

describe('what an image gives files that all belong to one user', () => {
  let work = '';
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), 'mabuild-given-'));
  });
  afterEach(() => rmSync(work, { recursive: true, force: true }));

  for (const row of rows) {
    it(`remembers ${row.name}`, async () => {
      const place = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, directory: work };
      let layers: readonly UnpackedLayer[] = [];
      for (const [index, entries] of row.layers.entries()) {
        const root = join(work, `layer-${index}`);
        mkdirSync(root);
        const request = { tar: layerTar(entries), root, below: layers, place, marks: 'none' } as const;
        layers = [
          await unpackLayer({ ...request, ordinary: true, onNote: (note) => expect.fail(note) }),
          ...layers,
        ];
      }
      const given = [...mergedGiven(layers)].map(([path, { uid, gid, mode }]) => [
        path,
        `${uid}:${gid} ${mode.toString(8)}`,
      ]);
      expect(Object.fromEntries(given)).to.deep.equal(row.given);
      const owner = lstatSync(work).uid;
      for (const [path] of mergedGiven(layers)) {
        const stats = layers
          .map(({ root }) => lstatSync(join(root, path), { throwIfNoEntry: false }))
          .find(Boolean);
        expect(stats?.uid, path).to.equal(owner);
        if (!stats?.isSymbolicLink())
          expect((stats?.mode ?? 0) & 0o700, path).to.equal(stats?.isDirectory() ? 0o700 : 0o600);
      }
    });
  }

  it('is applied to what a command sees only where it locks the owner out', () => {
    const path = join(work, 'f');
    mkdirSync(path);
    expect([0o755, 0o700, 0o500, 0].map((mode) => isClosed(path, mode))).to.deep.equal([
      ...[false, false, true, true],
    ]);
  });
});
