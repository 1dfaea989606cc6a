import { expect } from 'chai';
import { faultHint } from '../../../packages/registry/src/http/connection-fault.ts';

describe('what to do about a registry that is not reached', () => {
  for (const [host, hint] of [
    ['docker.io', /--mirror docker\.io=URL/],
    ['registry-1.docker.io', /--mirror docker\.io=URL/],
    ['ghcr.io', /^check that ghcr\.io is spelt right/],
    ['notdocker.io', /^check that notdocker\.io is spelt right/],
  ] as const) {
    it(host, () => expect(faultHint('ECONNREFUSED', host)).to.match(hint));
  }
});
