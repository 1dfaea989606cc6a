import type { RegistryPhase } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, tryPull, tryPush } from '../../support/registry-trial.ts';

const client = { retry: { baseDelay: 20, maxDelay: 100, attempts: 10 } };
const pushPhases: readonly RegistryPhase[] = [
  'token',
  'blob-head',
  'upload-begin',
  'upload-patch',
  'upload-put',
  'manifest-put',
  'tag-put',
];

describe('registry/client whose registry is started anew', () => {
  for (const [index, phase] of pushPhases.entries()) {
    const profile = phase === 'upload-patch' ? 'artifactory' : allProfiles[(index * 3) % allProfiles.length];
    it(`pushing, at ${phase} (${profile ?? 'no profile'})`, async () => {
      expect((await tryPush({ profile, client, faults: [{ phase, restart: 30 }] })).result).to.equal('done');
    });
  }
  for (const phase of ['manifest-get', 'blob-get', 'storage'] as const) {
    const profile = phase === 'storage' ? 'docker-hub' : undefined;
    it(`pulling, at ${phase}`, async () => {
      expect((await tryPull({ profile, client, faults: [{ phase, restart: 30 }] })).result).to.equal('done');
    });
  }

  it('in the middle of chunks', async () => {
    const { result } = await tryPush({
      layer: 11 * 1024 * 1024,
      registry: { maxBody: 6 * 1024 * 1024 },
      client,
      faults: [{ phase: 'upload-patch', skip: 1, restart: 30 }],
    });
    expect(result).to.equal('done');
  });

  it('at once, before it ever answered', async () => {
    const { result } = await tryPush({ client, faults: [{ restart: 30 }] });
    expect(result).to.be.oneOf(['done', 'REGISTRY_UNREACHABLE']);
  });
});
