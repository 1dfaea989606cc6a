import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import type { StoredLayer } from '../../../../../../packages/core/src/engines/embedded/layers/layer-scanner.ts';
import type { UnpackedLayer } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/merged.ts';
import { unpackLayer } from '../../../../../../packages/core/src/engines/embedded/sandbox/files/unpack.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { createSandbox } from '../../../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import { suits } from '../../../../../../packages/core/src/engines/embedded/sandbox/shelf/shelf-sharing.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import {
  busyboxRoot,
  file,
  folder,
  helperFolder,
  layerOf,
  other,
  removeFolder,
  sandboxOptions,
  symlink,
} from '../../../../../support/sandbox.ts';

interface Row {
  readonly name: string;
  readonly top: readonly LayerEntry[];
  /** What it was unpacked over, and what else it may be taken for or not. */
  readonly over: readonly LayerEntry[];
  readonly same?: readonly (readonly LayerEntry[])[];
  readonly different?: readonly (readonly LayerEntry[])[];
}

const app = folder('app', { mtime: 7 });

const rows: readonly Row[] = [
  {
    name: 'a layer that names all its folders',
    top: [app, file('app/a', 'a')],
    over: [],
    same: [[app], [file('app')], [symlink('app', '/etc')], [folder('app', { mode: 0o700 })]],
  },
  {
    name: 'a layer that does not name a folder',
    top: [file('app/a', 'a')],
    over: [app],
    same: [[app], [app, file('app/b')], [app, file('other')]],
    different: [
      [],
      [folder('app', { mtime: 8 })],
      [folder('app', { mtime: 7, mode: 0o700 })],
      [symlink('app', 'real'), folder('real', { mtime: 7 })],
    ],
  },
  {
    name: 'a layer that needs a folder that is not there',
    top: [file('app/lib/a', 'a')],
    over: [app],
    same: [[app], [app, folder('lib')]],
    different: [[app, folder('app/lib')], [app, symlink('app/lib', '/lib')], []],
  },
  {
    name: 'a layer that names a folder whose folder it does not name',
    top: [folder('app/lib'), file('app/lib/a')],
    over: [app],
    same: [[app], [app, folder('app/lib', { mode: 0o700 })], [app, symlink('app/lib', '/lib')]],
    different: [[folder('app', { mtime: 9 })]],
  },
  {
    name: 'a layer with a link of its own',
    top: [app, file('app/a', 'a'), other('app/b', 'link', { linkname: 'app/a' })],
    over: [],
    same: [[app, file('app/a', 'other')]],
  },
  {
    name: 'a layer with a folder that hides',
    top: [app, other('app', 'opaque'), file('app/a')],
    over: [],
    same: [[app, file('app/b')]],
  },
];

const alone: readonly (readonly [string, readonly LayerEntry[], readonly LayerEntry[]])[] = [
  ['a layer that takes a file away', [app, file('app/a')], [other('app/a', 'whiteout')]],
  ['a layer that takes away what is not there', [], [other('a', 'whiteout')]],
  ['a link to a file below', [file('a', 'a')], [other('b', 'link', { linkname: 'a' })]],
  ['a file through a link', [symlink('app', 'real'), folder('real')], [file('app/a')]],
  ['a file through a link of its own', [folder('real')], [symlink('app', 'real'), file('app/a')]],
];

describe('layers that images share', () => {
  let work = '';
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), 'mabuild-sharing-'));
  });
  afterEach(() => rmSync(work, { recursive: true, force: true }));

  const unpacked = async (entries: readonly LayerEntry[], below: readonly UnpackedLayer[]) => {
    const root = mkdtempSync(join(work, 'layer-'));
    const place = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, directory: work };
    const ordinary = process.getuid?.() !== 0;
    return await unpackLayer({
      ...{ tar: layerTar(entries), root, below, place, marks: 'none', ordinary },
      onNote: (note) => expect.fail(note),
    });
  };

  for (const { name, top, over, same = [], different = [] } of rows) {
    it(`knows what else ${name} can lie over`, async () => {
      const { assumes } = await unpacked(top, [await unpacked(over, [])]);
      if (assumes === undefined) throw new Error('it is not shared at all');
      const answers = async (bases: readonly (readonly LayerEntry[])[]): Promise<readonly boolean[]> =>
        await Promise.all(bases.map(async (base) => suits(assumes, [await unpacked(base, [])])));
      expect(await answers([over, ...same])).to.deep.equal([true, ...same.map(() => true)]);
      expect(await answers(different)).to.deep.equal(different.map(() => false));
    });
  }

  for (const [name, base, top] of alone) {
    it(`does not share ${name}`, async () => {
      expect((await unpacked(top, [await unpacked(base, [])])).assumes).to.equal(undefined);
    });
  }
});

describe('a layer over several bases', function () {
  this.timeout(120_000);
  let root = '';
  let helper = '';
  let busybox: readonly LayerEntry[] = [];
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    ({ folder: root, helper } = await helperFolder());
    busybox = await busyboxRoot(await debTree('busybox-static', 'amd64'));
  });
  after(async () => {
    if (root !== '') await removeFolder(root);
  });

  /** Runs the same over several images at once, in each file system that works. */
  const outputs = async (directory: string, images: readonly (readonly StoredLayer[])[], command: string) => {
    const sandbox = createSandbox(sandboxOptions(helper, join(root, directory)));
    const { chosen } = await sandbox.choice();
    const shelf = `${chosen?.site.directory}/layers`;
    const said = await Promise.all(
      images.map(async (layers) => {
        let stdout = '';
        const result = await sandbox.execute(
          {
            ...{ platform: { os: 'linux', architecture: 'amd64' }, layers, network: 'host', mounts: [] },
            command: {
              ...{ arguments: ['/bin/sh', '-c', command], environment: { PATH: '/bin' }, directory: '/' },
              user: { uid: 0, gid: 0, groups: [] },
            },
            temporaryDirectory: join(root, 'temporary'),
          },
          { onOutput: (_, chunk) => (stdout += Buffer.from(chunk).toString('utf8')) },
        );
        if (result.kind !== 'changed') return `${JSON.stringify(result)} ${stdout}`;
        const made = result.entries.find(({ path }) => path === 'made');
        const content = made?.open ? await text(await made.open()) : '';
        await result.release();
        return content;
      }),
    );
    const unpacked = readdirSync(shelf).filter((name) => existsSync(join(shelf, name, 'fs')));
    return { said, unpacked: unpacked.length, shelf };
  };

  const command = 'ls -ld /app | cut -c1-10 > /made; cat /app/* >> /made';

  it('is unpacked once where it comes out the same, and again where it does not', async () => {
    const top = await layerOf([file('app/a', 'shared')]);
    const base = async (mode: number, name: string): Promise<StoredLayer> =>
      await layerOf([...busybox, folder('app', { mode }), file('app/own', `${name} `)]);
    const images = [
      [await base(0o755, 'one'), top],
      [await base(0o755, 'two'), top],
      [await base(0o700, 'three'), top],
    ];
    const { said, unpacked } = await outputs(
      'several',
      images,
      'stat -c %A /app > /made; cat /app/* >> /made',
    );
    expect(said).to.deep.equal([
      'drwxr-xr-x\nsharedone ',
      'drwxr-xr-x\nsharedtwo ',
      'drwx------\nsharedthree ',
    ]);
    expect(unpacked).to.equal(5);
  });

  it('is unpacked again when what it was the same as is deleted', async () => {
    const top = await layerOf([folder('app'), file('app/a', 'shared')]);
    const images = [
      [await layerOf([...busybox, file('one')]), top],
      [await layerOf([...busybox, file('two')]), top],
    ];
    const first = await outputs('deleted', images, command);
    expect(first.said).to.deep.equal(['drwxr-xr-x\nshared', 'drwxr-xr-x\nshared']);
    expect(first.unpacked).to.equal(3);
    for (const name of readdirSync(first.shelf))
      if (existsSync(join(first.shelf, name, 'fs/app/a')))
        rmSync(join(first.shelf, name), { recursive: true, force: true });
    const second = await outputs('deleted', images, command);
    expect(second).to.deep.equal(first);
  });

  it('lies twice in one image', async () => {
    const top = await layerOf([folder('app'), file('app/a', 'shared')]);
    const between = await layerOf([other('app/a', 'whiteout')]);
    const image = [await layerOf(busybox), top, between, top];
    const { said, unpacked } = await outputs('twice', [image, image], command);
    expect(said).to.deep.equal(['drwxr-xr-x\nshared', 'drwxr-xr-x\nshared']);
    expect(unpacked).to.equal(4);
  });
});
