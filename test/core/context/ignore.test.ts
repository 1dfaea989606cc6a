import { expect } from 'chai';
import { parseDockerignore } from '../../../packages/core/src/context/ignore.ts';

/** .dockerignore, paths that are left out, paths that stay. */
const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['', [], ['a', 'a/b']],
  ['node_modules', ['node_modules', 'node_modules/a/b'], ['a/node_modules', 'node_modules2']],
  ['**/node_modules', ['node_modules', 'a/b/node_modules', 'a/node_modules/x/y'], ['node_modules2']],
  ['/a/', ['a', 'a/b'], ['b/a']],
  ['./a', ['a'], ['b']],
  ['a/../b', ['b'], ['a']],
  ['a//b/./c', ['a/b/c', 'a/b/c/d'], ['a/b']],
  ['*.md', ['README.md'], ['docs/README.md']],
  ['*.md\n!README.md', ['A.md'], ['README.md']],
  ['!README.md\n*.md', ['README.md'], ['a']],
  ['*/*.txt', ['a/b.txt', 'a/b.txt/c'], ['b.txt', 'a/b/c.txt']],
  ['**', ['a', 'a/b'], []],
  ['**\n!a/b', ['a', 'a/c'], ['a/b', 'a/b/c']],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['b', 'a/c']],
  ['**.log', ['x.log', 'a/x.log', '.log'], ['x.logs']],
  ['a?c', ['abc'], ['ac', 'a/c']],
  ['[ab]c', ['ac', 'bc'], ['cc']],
  ['[^ab]c', ['cc'], ['ac']],
  ['[a-c]x', ['bx'], ['dx']],
  ['\\*', ['*'], ['a']],
  ['a\\[b', ['a[b'], ['ab']],
  ['\\!a', ['!a'], ['a']],
  ['\\#a', ['#a'], ['a']],
  ['\\ca', ['ca'], ['\\ca']],
  ['# comment\n #a', ['#a'], ['# comment']],
  ['\uFEFFa', ['a'], ['\uFEFFa']],
  ['a\r\nb\r\n', ['a', 'b'], ['c']],
  ['  a  \n\t\n', ['a'], ['b']],
  ['**\n! a', ['b'], ['a']],
  ['a+b', ['a+b'], ['aab']],
  ['(a)', ['(a)'], ['a']],
  ['a|b', ['a|b'], ['a', 'b']],
  ['{a,b}', ['{a,b}'], ['a']],
  ['a^b$.c', ['a^b$.c'], ['a^b$xc']],
  ['+*', ['+a'], ['a']],
  ['A', ['A'], ['a']],
  ['other', [], ['constructor', 'toString', '__proto__']],
  ['constructor', ['constructor'], ['toString']],
  ['.', [], ['a']],
  ['/', [], ['a']],
  ['../a', [], ['a']],
  ['.dockerignore\nDockerfile', ['.dockerignore', 'Dockerfile'], ['Dockerfile.arm']],
  ['ü*', ['über'], ['uber']],
];

/** .dockerignore, folder, may something inside stay. */
const prunes: readonly (readonly [string, string, boolean])[] = [
  ['a', 'a', false],
  ['*\n!a', 'b', false],
  ['*\n!a/b', 'a', true],
  ['*\n!a/b', 'c', false],
  ['*\n!**/keep', 'a', true],
  ['!**/keep\na', 'a', false],
  ['a\n!a/*/keep', 'a/b', true],
  ['a\n!?/b', 'a', true],
];

const refused: readonly (readonly [string, number, string])[] = [
  ['!', 1, 'needs a pattern'],
  ['a\n[', 2, 'class'],
  ['a[', 1, 'class'],
  ['[]a]', 1, 'class'],
  ['[b-a]', 1, 'class'],
  ['[a', 1, 'class'],
  ['a\\', 1, 'backslash'],
];

describe('parseDockerignore', () => {
  for (const [text, left, stays] of rows) {
    it(JSON.stringify(text), () => {
      const rules = parseDockerignore(text);
      expect([...left, ...stays].filter((path) => rules.ignores(path))).to.deep.equal(left);
    });
  }

  for (const [text, folder, expected] of prunes) {
    it(`${JSON.stringify(text)} ${expected ? 'may keep' : 'keeps nothing'} inside ${folder}`, () => {
      expect(parseDockerignore(text).mayKeepInside(folder)).to.equal(expected);
    });
  }

  for (const [text, line, problem] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseDockerignore(text))
        .to.throw(problem)
        .with.deep.include({ code: 'DOCKERIGNORE_INVALID' })
        .and.nested.include({ 'location.line': line });
    });
  }
});
