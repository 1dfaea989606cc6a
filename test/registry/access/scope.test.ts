import { coversScopes, normalizeScopes } from '@mabuild/registry';
import { expect } from 'chai';
import { registryVectors } from '../../support/vectors.ts';

interface Vector {
  readonly name: string;
  readonly scopes: readonly string[] | null;
  readonly want: readonly string[] | null;
}

describe('registry/scope', () => {
  registryVectors<Vector>('token-scopes.json', {
    title: ({ name }) => name,
    check: ({ scopes, want }) => expect(normalizeScopes(scopes ?? [])).to.deep.equal(want ?? []),
  });

  const rows: readonly [readonly string[], readonly string[], boolean][] = [
    [['repository:a:pull,push'], ['repository:a:pull'], true],
    [['repository:a:pull'], ['repository:a:pull,push'], false],
    [['repository:a:pull', 'repository:b:pull'], ['repository:b:pull'], true],
    [['repository:a:*'], ['repository:a:push'], true],
    [['repository:a:pull'], ['repository:b:pull'], false],
    [['repository:a:pull'], [], true],
    [[], ['repository:a:pull'], false],
  ];
  for (const [granted, needed, covers] of rows) {
    it(`[${granted}] ${covers ? 'covers' : 'does not cover'} [${needed}]`, () => {
      expect(coversScopes(granted, needed)).to.equal(covers);
    });
  }
});
