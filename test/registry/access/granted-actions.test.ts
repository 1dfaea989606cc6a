import { expect } from 'chai';
import { grantedActions } from '../../../packages/registry/src/access/granted-actions.ts';

describe('registry/granted-actions', () => {
  const part = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  const token = (claims: unknown): string => `Bearer ${part({ alg: 'none' })}.${part(claims)}.signature`;
  const access = (...entries: readonly unknown[]): string => token({ access: entries });
  const app = { type: 'repository', name: 'team/app' };

  const rows: readonly (readonly [string, string, readonly string[] | undefined])[] = [
    ['all', access({ ...app, actions: ['pull', 'push'] }), ['pull', 'push']],
    ['one of two', access({ ...app, name: 'x', actions: ['*'] }, { ...app, actions: ['pull'] }), ['pull']],
    ['nothing', access({ ...app, actions: [] }), []],
    ['another repository', access({ ...app, name: 'team', actions: ['pull'] }), undefined],
    ['another type', access({ ...app, type: 'registry', actions: ['*'] }), undefined],
    ['strange entries', access(null, 7, 'x', { ...app, actions: 'pull' }), undefined],
    ['strange actions', access({ ...app, actions: ['pull', 7, null] }), ['pull']],
    ['no list', token({ access: { ...app, actions: ['pull'] } }), undefined],
    ['no claim', token({ sub: 'me' }), undefined],
    ['no object', token(null), undefined],
    ['no JSON', 'Bearer a.b.c', undefined],
    ['another form', `Bearer ${'a'.repeat(40)}`, undefined],
    ['more parts', `${access({ ...app, actions: ['pull'] })}.more`, undefined],
    ['a password', 'Basic dTpw', undefined],
  ];
  for (const [title, header, actions] of rows) {
    it(`reads ${title}`, () => expect(grantedActions(header, 'team/app')).to.deep.equal(actions));
  }
});
