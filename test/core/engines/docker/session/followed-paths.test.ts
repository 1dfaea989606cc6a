import { expect } from 'chai';
import type { ContextEntry } from '../../../../../packages/core/src/context/context.ts';
import { followPaths } from '../../../../../packages/core/src/engines/docker/session/followed-paths.ts';

/** `path` is a file, `path/` a folder, `path -> target` a link. */
function tree(...lines: readonly string[]): readonly ContextEntry[] {
  return lines.map((line) => {
    const [path = '', linkname] = line.split(' -> ');
    const common = { mode: 0o644, size: 0, mtimeMs: 0 };
    if (linkname !== undefined) return { path, type: 'symlink', linkname, ...common };
    if (path.endsWith('/')) return { path: path.slice(0, -1), type: 'directory', ...common };
    return { path, type: 'file', ...common };
  });
}

const plain = tree('a', 'b/', 'b/c', 'b/d/', 'b/d/e', 'b-c', 'f.txt', 'g.txt');
const everything = ['a', 'b', 'b/c', 'b/d', 'b/d/e', 'b-c', 'f.txt', 'g.txt'];

describe('followed paths', () => {
  const rows: readonly [string, readonly ContextEntry[], readonly string[], readonly string[]][] = [
    ['none', plain, [], everything],
    ['the root', plain, ['/'], everything],
    ['a dot', plain, ['.'], everything],
    ['a name beside the root', plain, ['a', '.'], everything],
    ['a file', plain, ['a'], ['a']],
    ['a file below, with the folders above', plain, ['b/d/e'], ['b', 'b/d', 'b/d/e']],
    ['a folder, with what lies below', plain, ['b'], ['b', 'b/c', 'b/d', 'b/d/e']],
    ['a folder with a slash', plain, ['b/'], ['b', 'b/c', 'b/d', 'b/d/e']],
    ['an absolute path', plain, ['/b/c'], ['b', 'b/c']],
    ['a dot in front', plain, ['./a'], ['a']],
    ['a way up that stays inside', plain, ['b/../a'], ['a']],
    ['a way up out of the root, which ends there', plain, ['../../a'], ['a']],
    ['what is not there', plain, ['missing'], []],
    ['something below a file, as far as it goes', plain, ['a/x'], ['a']],
    ['a star', plain, ['*.txt'], ['f.txt', 'g.txt']],
    ['a star, which stops at a slash', plain, ['b/*'], ['b', 'b/c', 'b/d', 'b/d/e']],
    ['a question mark', plain, ['?.txt'], ['f.txt', 'g.txt']],
    ['a class', plain, ['[f].txt'], ['f.txt']],
    ['a class that excludes', plain, ['[^f].txt'], ['g.txt']],
    ['a range', plain, ['[a-f].txt'], ['f.txt']],
    ['an escaped star', tree('*', 'a'), ['\\*'], ['*']],
    ['a class that never ends', tree('[a', 'a'), ['[a'], ['[a']],
    ['characters of regular expressions', tree('a+b', 'aab'), ['a+[b]'], ['a+b']],
    ['two names', plain, ['a', 'f.txt'], ['a', 'f.txt']],
    ['a link and its target', tree('a', 'l -> a'), ['l'], ['a', 'l']],
    ['a link to a link', tree('a', 'k -> l', 'l -> a'), ['k'], ['a', 'k', 'l']],
    ['an absolute link, from the root', tree('a', 'b/', 'b/l -> /a'), ['b/l'], ['a', 'b', 'b/l']],
    ['a link beside its target', tree('b/', 'b/a', 'b/l -> a'), ['b/l'], ['b', 'b/a', 'b/l']],
    ['a link out of its folder', tree('a', 'b/', 'b/l -> ../a'), ['b/l'], ['a', 'b', 'b/l']],
    ['a link out of the root', tree('a', 'l -> ../../a'), ['l'], ['a', 'l']],
    ['a path through a link', tree('d/', 'd/x', 'd/y', 'l -> d'), ['l/x'], ['d', 'd/x', 'l']],
    ['a wildcard below a link', tree('d/', 'd/x', 'l -> d'), ['l/*'], ['d', 'd/x', 'l']],
    ['a wildcard that finds a link', tree('a', 'link -> a', 'z'), ['li*'], ['a', 'link']],
    ['a link to nothing', tree('a', 'l -> gone'), ['l'], ['l']],
    ['a link to itself', tree('a', 'l -> l'), ['l'], ['l']],
    ['a circle of two', tree('a', 'k -> l', 'l -> k'), ['k'], ['k', 'l']],
    ['a link into its own folder', tree('d/', 'd/l -> ../d', 'd/x'), ['d/l/l/x'], ['d', 'd/l', 'd/x']],
    ['the usual first walk', tree('.dockerignore', 'a'), ['.dockerignore'], ['.dockerignore']],
  ];
  for (const [what, entries, paths, expected] of rows)
    it(`follows ${what}`, () => {
      const isWanted = followPaths(entries, paths);
      const found = entries.map(({ path }) => path).filter(isWanted);
      expect([...found].sort()).to.deep.equal([...expected].sort());
    });
});
