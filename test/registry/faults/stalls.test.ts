import type { RegistryFault, RegistryPhase } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, tryPull, tryPush } from '../../support/registry-trial.ts';

const always = Number.POSITIVE_INFINITY;
const silence = { timeouts: { silence: 60, storing: 60 }, retry: { baseDelay: 1, attempts: 2 } };
const pushPhases: readonly RegistryPhase[] = [
  'token',
  'tag-head',
  'blob-head',
  'upload-begin',
  'upload-patch',
  'upload-put',
  'manifest-put',
  'tag-put',
];

const stalls: readonly (readonly [string, RegistryFault])[] = [
  ['never answers', { hang: true }],
  ['takes a part of the body and no more', { stallAfter: 1000 }],
  ['sends a part of the answer and no more', { stallBodyAfter: 10 }],
];

describe('registry/client left waiting', () => {
  for (const [at, phase] of pushPhases.entries()) {
    for (const [index, [name, fault]] of stalls.entries()) {
      const profile =
        phase === 'upload-patch' ? 'artifactory' : allProfiles[(at + index) % allProfiles.length];
      // Large enough not to fit into the buffers between the two.
      const layer = 'stallAfter' in fault && phase.startsWith('upload-p') ? 8_000_000 : 20_000;

      it(`pushing, ${phase} ${name}, once (${profile ?? 'no profile'})`, async () => {
        const { result } = await tryPush({ profile, layer, client: silence, faults: [{ phase, ...fault }] });
        expect(result).to.equal('done');
      });
    }

    it(`pushing, ${phase} never answers, always`, async () => {
      const profile = phase === 'upload-patch' ? 'artifactory' : undefined;
      const faults = [{ phase, hang: true, times: always }];
      const { result, error } = await tryPush({ profile, layer: 20_000, client: silence, faults });
      expect(result).to.equal('REGISTRY_UNREACHABLE');
      expect(error?.message).to.match(/did not answer in time/);
    });
  }

  for (const phase of ['tag-head', 'manifest-get', 'blob-get', 'storage'] as const) {
    const profile = phase === 'storage' ? 'ghcr' : undefined;
    for (const [name, fault] of stalls.filter(([, { stallAfter }]) => stallAfter === undefined)) {
      it(`pulling, ${phase} ${name}, once`, async () => {
        const { result } = await tryPull({ profile, client: silence, faults: [{ phase, ...fault }] });
        expect(result).to.equal('done');
      });
    }

    it(`pulling, ${phase} never answers, always`, async () => {
      const faults = [{ phase, hang: true, times: always }];
      expect((await tryPull({ profile, client: silence, faults })).result).to.equal('REGISTRY_UNREACHABLE');
    });
  }

  it('a blob that stops again and again, but goes on in between', async () => {
    const faults = [{ phase: 'blob-get', stallBodyAfter: 50_000, times: 6 }] as const;
    expect((await tryPull({ client: silence, faults })).result).to.equal('done');
  });
});
