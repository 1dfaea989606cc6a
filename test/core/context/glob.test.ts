import { expect } from 'chai';
import { globMatcher } from '../../../packages/core/src/context/glob.ts';
import { parseDockerignore } from '../../../packages/core/src/context/ignore.ts';

/** Patterns, and paths that they match and do not match. */
const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['a', ['a', 'a/b', 'a/b/c'], ['b', 'ab', 'b/a', 'aa/b']],
  ['*', ['a', 'a/b'], []],
  ['*.c', ['x.c', '.c', 'x.c/y'], ['x.h', 'd/x.c']],
  ['a?c', ['abc', 'aéc'], ['ac', 'a/c', 'abbc']],
  ['**/x', ['x', 'a/x', 'a/b/x', 'a/x/y'], ['ax', 'a/bx', 'xa']],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b/c'], ['a/xb', 'ab']],
  ['**/*.o', ['x.o', 'a/b/x.o'], ['x.os', 'o']],
  ['*/*/c', ['a/b/c'], ['a/c', 'a/b/d/c']],
  ['**/**/**/a/*/b', ['a/x/b', 'q/r/a/x/b'], ['a/b', 'a/x/y/b']],
];

describe('patterns of many wildcards', () => {
  for (const [pattern, yes, no] of rows) {
    it(`${pattern} matches as other patterns do`, () => {
      const match = globMatcher(pattern);
      const rules = parseDockerignore(pattern);
      for (const path of [...yes, ...no]) {
        expect(match(path), path).to.equal(yes.includes(path));
        expect(rules.ignores(path), path).to.equal(yes.includes(path));
      }
    });
  }

  it('take no time, and stand among others', () => {
    const rules = parseDockerignore(`${'*a'.repeat(60)}b\n${'**/'.repeat(60)}c\n!keep/c\n${'?*'.repeat(60)}`);
    expect(rules.ignores('a'.repeat(250))).to.equal(true);
    expect(rules.ignores(`${'a/'.repeat(100)}d`)).to.equal(false);
    expect(rules.ignores('x/c')).to.equal(true);
    expect(rules.ignores('keep/c')).to.equal(false);
  });

  it('have no escapes or classes', () => {
    expect(() => parseDockerignore('*a*b*c*d*[e]')).to.throw(/line 1.*more than four wildcards/);
  });
});
