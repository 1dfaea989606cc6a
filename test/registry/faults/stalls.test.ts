import type { RegistryFault, RegistryPhase } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, tryPull, tryPush } from '../../support/registry-trial.ts';

const always = Number.POSITIVE_INFINITY;
/** Short, and with tries to spare for a machine that is slow itself. */
const patient = { timeouts: { silence: 200, storing: 200 }, retry: { baseDelay: 1, attempts: 5 } };
const impatient = { timeouts: { silence: 60, storing: 60 }, retry: { baseDelay: 1, attempts: 2 } };

const pushes: readonly (readonly [RegistryPhase, string, RegistryFault])[] = [
  ['token', 'never answers', { hang: true }],
  ['token', 'sends a part of the answer and no more', { stallBodyAfter: 10 }],
  ['tag-head', 'never answers', { hang: true }],
  ['upload-begin', 'never answers', { hang: true }],
  ['upload-patch', 'never answers', { hang: true }],
  ['upload-patch', 'takes a part of the body and no more', { stallAfter: 1000 }],
  ['upload-put', 'never answers', { hang: true }],
  ['upload-put', 'takes a part of the body and no more', { stallAfter: 1000 }],
  ['manifest-put', 'never answers', { hang: true }],
  ['tag-put', 'never answers', { hang: true }],
];
const pulls: readonly (readonly [RegistryPhase, string, RegistryFault])[] = [
  ['tag-head', 'never answers', { hang: true }],
  ['manifest-get', 'never answers', { hang: true }],
  ['manifest-get', 'sends a part of the answer and no more', { stallBodyAfter: 10 }],
  ['blob-get', 'never answers', { hang: true }],
  ['blob-get', 'sends a part of the answer and no more', { stallBodyAfter: 10 }],
  ['storage', 'never answers', { hang: true }],
  ['storage', 'sends a part of the answer and no more', { stallBodyAfter: 10 }],
];

describe('registry/client left waiting', () => {
  for (const [what, rows, attempt] of [
    ['pushing', pushes, tryPush],
    ['pulling', pulls, tryPull],
  ] as const) {
    for (const [index, [phase, name, fault]] of rows.entries()) {
      const fixed = ({ 'upload-patch': 'artifactory', storage: 'ghcr' } as const)[phase as 'storage'];
      const profile = fixed ?? allProfiles[index % allProfiles.length];
      // Large enough not to fit into the buffers between the two.
      const layer = fault.stallAfter === undefined ? 20_000 : 8_000_000;

      it(`${what}: ${phase} ${name}, once (${profile ?? 'no profile'})`, async () => {
        const { result } = await attempt({ profile, layer, client: patient, faults: [{ phase, ...fault }] });
        expect(result).to.equal('done');
      });

      if (fault.hang === true) {
        it(`${what}: ${phase} ${name}, always (${profile ?? 'no profile'})`, async () => {
          const faults = [{ phase, ...fault, times: always }];
          const { result, error } = await attempt({ profile, layer, client: impatient, faults });
          expect(result).to.equal('REGISTRY_UNREACHABLE');
          expect(error?.message).to.match(/did not answer in time/);
        });
      }
    }
  }

  it('a blob that stops again and again, but goes on in between', async () => {
    const faults = [{ phase: 'blob-get', stallBodyAfter: 50_000, times: 6 }] as const;
    expect((await tryPull({ client: patient, faults })).result).to.equal('done');
  });
});
