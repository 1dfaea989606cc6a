import { expect } from 'chai';
import type { LayerEntry } from '../../../../packages/core/src/engines/embedded/layers/entry.ts';
import {
  applyLayer,
  emptyTree,
  listFolder,
  nodeAt,
  resolvePath,
  type Tree,
} from '../../../../packages/core/src/engines/embedded/layers/tree.ts';

const base: Omit<LayerEntry, 'path' | 'type'> = { mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 0 };

/** `a/` a folder, `a -> b` a symlink, `a = b` a hard link, `-a` a whiteout, `!a` an opaque folder, else a file. */
function entry(text: string): LayerEntry {
  const [path = '', target = ''] = text.split(/ -> | = /);
  if (text.includes(' -> ')) return { ...base, path, type: 'symlink', linkname: target };
  if (text.includes(' = ')) return { ...base, path, type: 'link', linkname: target };
  if (text.startsWith('-')) return { ...base, path: text.slice(1), type: 'whiteout' };
  if (text.startsWith('!')) return { ...base, path: text.slice(1), type: 'opaque' };
  if (text.endsWith('/')) return { ...base, path: text.slice(0, -1), type: 'directory', mode: 0o755 };
  return { ...base, path: text, type: 'file' };
}

function treeOf(...layers: readonly (readonly string[])[]): Tree {
  let tree = emptyTree();
  for (const layer of layers) tree = applyLayer(tree, layer.map(entry));
  return tree;
}

function pathsOf(tree: Tree, folder = ''): readonly string[] {
  return listFolder(tree).flatMap(([name, node]) => {
    const path = folder === '' ? name : `${folder}/${name}`;
    return node.children ? [`${path}/`, ...pathsOf(node, path)] : [path];
  });
}

describe('embedded tree', () => {
  const merges: readonly (readonly [string, readonly (readonly string[])[], readonly string[]])[] = [
    ['folders that are not listed', [['a/b/c']], ['a/', 'a/b/', 'a/b/c']],
    ['siblings by bytes', [['b', 'a', 'A', 'é']], ['A', 'a', 'b', 'é']],
    ['a whiteout', [['a', 'b'], ['-a']], ['b']],
    ['a whiteout of a folder', [['a/b', 'c'], ['-a']], ['c']],
    ['a whiteout of nothing', [['a'], ['-x/y']], ['a']],
    ['a whiteout before what its own layer adds', [['a/b'], ['-a', 'a/c']], ['a/', 'a/c']],
    ['a whiteout after what its own layer adds', [['a/b'], ['a/c', '-a']], ['a/', 'a/c']],
    [
      'an opaque folder',
      [
        ['a/b', 'a/c/d'],
        ['a/', '!a', 'a/e'],
      ],
      ['a/', 'a/e'],
    ],
    ['an opaque folder after what its own layer adds', [['a/b'], ['a/e', '!a']], ['a/', 'a/e']],
    [
      'an opaque root',
      [
        ['a/b', 'c'],
        ['!', 'd'],
      ],
      ['d'],
    ],
    ['a folder over a folder', [['a/b'], ['a/', 'a/c']], ['a/', 'a/b', 'a/c']],
    ['a file over a folder', [['a/b'], ['a']], ['a']],
    ['a folder over a file', [['a'], ['a/b']], ['a/', 'a/b']],
    [
      'a folder over a link',
      [
        ['x/', 'a -> x'],
        ['a/', 'a/b'],
      ],
      ['a/', 'a/b', 'x/'],
    ],
    ['a file below a link to a folder', [['x/', 'a -> x'], ['a/b']], ['a', 'x/', 'x/b']],
    [
      'a file below a link to a link',
      [['x/y/', 'b -> /x', 'a -> b/y'], ['a/c']],
      ['a', 'b', 'x/', 'x/y/', 'x/y/c'],
    ],
    ['a file below a link to nothing', [['a -> x'], ['a/b']], ['a', 'x/', 'x/b']],
    ['a file below a link above the root', [['a -> ../../x', 'x/'], ['a/b']], ['a', 'x/', 'x/b']],
    ['a file below a link to a file', [['f', 'a -> f'], ['a/b']], ['a/', 'a/b', 'f']],
    ['a hard link', [['a', 'b = a']], ['a', 'b']],
    ['a hard link to the layer below', [['x/a'], ['b = x/a']], ['b', 'x/', 'x/a']],
  ];
  for (const [name, layers, paths] of merges) {
    it(`merges ${name}`, () => {
      expect(pathsOf(treeOf(...layers))).to.deep.equal(paths);
    });
  }

  it('leaves the tree below as it was', () => {
    const below = treeOf(['a/b', 'c/d/e']);
    const above = applyLayer(below, ['-a', 'c/d/f', 'c/d/'].map(entry));
    expect(pathsOf(below)).to.deep.equal(['a/', 'a/b', 'c/', 'c/d/', 'c/d/e']);
    expect(pathsOf(above)).to.deep.equal(['c/', 'c/d/', 'c/d/e', 'c/d/f']);
  });

  it('knows the names of one file', () => {
    const tree = treeOf(['a', 'b = a'], ['c = b', 'd']);
    const inodes = ['a', 'b', 'c', 'd'].map((path) => nodeAt(tree, path)?.inode);
    expect(new Set(inodes).size).to.equal(2);
    expect(inodes[0]).to.equal(inodes[2]);
  });

  it('refuses a hard link to nothing and to a folder', () => {
    expect(() => treeOf(['a = x'])).to.throw(/hard link/);
    expect(() => treeOf(['x/', 'a = x'])).to.throw(/hard link/);
    expect(() => treeOf(['a = ../../etc/passwd'])).to.throw(/hard link/);
  });

  const links = treeOf([
    'etc/passwd',
    'usr/lib/x',
    'lib -> usr/lib',
    'abs -> /usr/lib',
    'up -> ../../../usr',
    'usr/lib/back -> ../../etc',
    'loop -> loop',
    'one -> two',
    'two -> one',
    'nowhere -> not/there',
    'through -> lib/back/passwd',
    'dots -> ./usr/../usr/./lib',
  ]);
  const resolutions: readonly (readonly [string, string, boolean])[] = [
    ['', '', true],
    ['/', '', true],
    ['etc/passwd', 'etc/passwd', true],
    ['/etc//./passwd', 'etc/passwd', true],
    ['etc/../etc/passwd', 'etc/passwd', true],
    ['../../etc', 'etc', true],
    ['lib/x', 'usr/lib/x', true],
    ['lib', 'usr/lib', true],
    ['abs/x', 'usr/lib/x', true],
    ['up/lib', 'usr/lib', true],
    ['lib/back/passwd', 'etc/passwd', true],
    ['lib/../x', 'usr/x', false],
    ['through', 'etc/passwd', true],
    ['dots/x', 'usr/lib/x', true],
    ['nowhere', 'not/there', false],
    ['nowhere/deep', 'not/there/deep', false],
    ['new/path', 'new/path', false],
    ['etc/passwd/below', 'etc/passwd/below', false],
  ];
  for (const [path, to, there] of resolutions) {
    it(`resolves ${JSON.stringify(path)} to ${JSON.stringify(to)}`, () => {
      const { path: found, node } = resolvePath(links, path);
      expect(found).to.equal(to);
      expect(node !== undefined).to.equal(there);
    });
  }

  for (const path of ['loop', 'loop/x', 'one', 'two/x']) {
    it(`ends at the circle of ${path}`, () => {
      expect(() => resolvePath(links, path))
        .to.throw(/too many/)
        .with.property('code', 'TOO_MANY_LINKS');
    });
  }

  it('stays quick with many layers over a large tree', () => {
    let tree = treeOf(Array.from({ length: 20_000 }, (_, index) => `d${index % 200}/f${index}`));
    for (let at = 0; at < 200; at += 1) tree = applyLayer(tree, [entry(`d${at}/new`)]);
    expect(nodeAt(tree, 'd199/new')).to.not.equal(undefined);
    expect(nodeAt(tree, 'd5/f5')).to.not.equal(undefined);
  });
});
