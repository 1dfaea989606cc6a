import type { RegistryPhase, RegistryProfile } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, tryPull, tryPush } from '../../support/registry-trial.ts';

const statuses = [400, 401, 403, 404, 405, 408, 413, 416, 429, 500, 502, 503, 504];
/** What may pass by itself: once, it must not matter. */
const passing = new Set([408, 429, 500, 502, 503, 504]);

const pushPhases: readonly RegistryPhase[] = [
  'tag-head',
  'manifest-head',
  'blob-head',
  'upload-begin',
  'upload-patch',
  'upload-put',
  'manifest-put',
  'tag-put',
];
const pullPhases: readonly RegistryPhase[] = ['tag-head', 'tag-get', 'manifest-get', 'blob-get', 'storage'];

/** What an answer that does not pass is called. */
function codesFor(status: number, pulling: boolean): readonly string[] {
  switch (status) {
    case 401:
      return ['REGISTRY_UNAUTHORIZED'];
    case 403:
      return ['REGISTRY_DENIED'];
    case 404:
      return pulling ? ['IMAGE_NOT_FOUND', 'BLOB_NOT_FOUND'] : ['REGISTRY_ERROR', 'REGISTRY_TAG_MOVED'];
    case 429:
      return ['REGISTRY_RATE_LIMITED'];
    default:
      return ['REGISTRY_ERROR'];
  }
}

/** A profile for each row, so that all meet every phase; only some send bytes by PATCH, or have a store. */
function profileFor(phase: RegistryPhase, row: number): RegistryProfile | undefined {
  if (phase === 'upload-patch') return 'artifactory';
  const stored: readonly RegistryProfile[] = ['ecr', 'ghcr', 'docker-hub'];
  return phase === 'storage' ? stored[row % stored.length] : allProfiles[row % allProfiles.length];
}

describe('registry/client answered with a status', () => {
  const works = [
    ['pushing', pushPhases, tryPush],
    ['pulling', pullPhases, tryPull],
  ] as const;
  for (const [what, phases, attempt] of works) {
    const pulling = what === 'pulling';
    for (const [at, phase] of phases.entries()) {
      describe(`${what}, for ${phase}`, () => {
        for (const [index, status] of statuses.entries()) {
          const profile = profileFor(phase, at * 3 + index);
          const place = profile === undefined ? '' : ` (${profile})`;

          it(`${status} once${place}`, async () => {
            const { result } = await attempt({ profile, layer: 20_000, faults: [{ phase, status }] });
            expect(result).to.be.oneOf(
              passing.has(status) ? ['done'] : ['done', ...codesFor(status, pulling)],
            );
          });

          // What does not pass is no different the second time, but where there is another way.
          if (passing.has(status) || status === 404 || status === 413) {
            it(`${status} always${place}`, async () => {
              const faults = [{ phase, status, times: Number.POSITIVE_INFINITY }];
              const { result } = await attempt({ profile, layer: 20_000, faults });
              expect(result).to.be.oneOf(['done', ...codesFor(status, pulling)]);
            });
          }
        }
      });
    }
  }
});
