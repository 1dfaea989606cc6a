import type { RegistryOptions } from '@mabuild/registry';
import type { RegistryFault, RegistryPhase } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { type Trial, tryPull, tryPush } from '../../support/registry-trial.ts';

describe('registry/client behind TLS', () => {
  let authority: Authority;
  let trial: (client?: RegistryOptions) => Omit<Trial, 'faults'>;
  before(() => {
    authority = makeAuthority();
    const tls = authority.issue('IP:127.0.0.1');
    const { ca } = authority;
    trial = (client) => ({ registry: { tls }, client: (host) => ({ tls: { [host]: { ca } }, ...client }) });
  });
  after(() => authority.close());

  const faults: readonly (readonly [string, RegistryFault])[] = [
    ['cut at once', { cutAfter: 0 }],
    ['cut in the middle', { cutAfter: 50_000 }],
    ['cut before the answer', { cutAfterAnswer: true }],
    ['refused for a moment', { status: 503 }],
  ];
  const phases: readonly RegistryPhase[] = ['token', 'upload-begin', 'upload-put', 'manifest-put', 'tag-put'];
  for (const phase of phases) {
    for (const [name, fault] of faults) {
      it(`pushing, ${phase} ${name}`, async () => {
        expect((await tryPush({ ...trial(), faults: [{ phase, ...fault }] })).result).to.equal('done');
      });
    }
  }
  for (const phase of ['tag-head', 'manifest-get', 'blob-get'] as const) {
    it(`pulling, ${phase} cut in the middle of the answer`, async () => {
      const cut = [{ phase, cutBodyAfter: 100, times: 2 }];
      expect((await tryPull({ ...trial(), faults: cut })).result).to.equal('done');
    });
  }

  it('does not push to a registry that nobody vouches for', async () => {
    const { result, registry } = await tryPush({ ...trial({ tls: {} }), faults: [] });
    expect(result).to.equal('REGISTRY_UNREACHABLE');
    expect(registry.requests).to.deep.equal([]);
  });
});
