import type { RegistryFault, RegistryPhase } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, tryPull, tryPush } from '../../support/registry-trial.ts';

const always = Number.POSITIVE_INFINITY;
const pushPhases: readonly RegistryPhase[] = [
  'token',
  'tag-head',
  'manifest-head',
  'blob-head',
  'upload-begin',
  'upload-patch',
  'upload-put',
  'manifest-put',
  'tag-put',
];
const pullPhases: readonly RegistryPhase[] = ['token', 'tag-head', 'manifest-get', 'blob-get', 'storage'];

/** Where a connection is cut. */
const places: readonly (readonly [string, RegistryFault])[] = [
  ['before anything is read', { cutAfter: 0 }],
  ['in the middle of what is sent', { cutAfter: 10_000 }],
  ['after it was done, before the answer', { cutAfterAnswer: true }],
  ['in the middle of the answer', { cutBodyAfter: 100 }],
];

describe('registry/client cut off', () => {
  for (const [at, phase] of pushPhases.entries()) {
    for (const [index, [place, fault]] of places.entries()) {
      const profile =
        phase === 'upload-patch' ? 'artifactory' : allProfiles[(at + index) % allProfiles.length];
      const name = `pushing, ${phase}, ${place}`;

      it(`${name}, once (${profile ?? 'no profile'})`, async () => {
        const { result } = await tryPush({ profile, faults: [{ phase, ...fault }] });
        expect(result).to.equal('done');
      });

      // Where nothing is ever answered, it does not matter how much was sent before.
      if (fault.cutAfter !== undefined && fault.cutAfter > 0) continue;
      it(`${name}, always (${profile ?? 'no profile'})`, async () => {
        const { result, error } = await tryPush({ profile, faults: [{ phase, ...fault, times: always }] });
        expect(result).to.be.oneOf(['done', 'REGISTRY_UNREACHABLE', 'REGISTRY_ERROR']);
        if (result === 'REGISTRY_UNREACHABLE') {
          expect(error?.message).to.match(/got no answer: the connection was cut/);
        }
      });
    }
  }
  for (const phase of pullPhases) {
    for (const [place, fault] of places) {
      const profile = phase === 'storage' ? 'ecr' : undefined;

      it(`pulling, ${phase}, ${place}, twice`, async () => {
        const { result } = await tryPull({ profile, faults: [{ phase, ...fault, times: 2 }] });
        expect(result).to.equal('done');
      });

      it(`pulling, ${phase}, ${place}, always`, async () => {
        // Where every connection brings something, the client goes on to the end.
        const { result } = await tryPull({
          profile,
          layer: 2000,
          faults: [{ phase, ...fault, times: always }],
        });
        expect(result).to.be.oneOf(['done', 'REGISTRY_UNREACHABLE']);
      });
    }
  }
});
