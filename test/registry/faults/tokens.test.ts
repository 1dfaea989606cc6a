import type { RegistryFault, RegistryPhase } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, type Trial, tryPull, tryPush } from '../../support/registry-trial.ts';

const always = Number.POSITIVE_INFINITY;
const pushPhases: readonly RegistryPhase[] = [
  'manifest-head',
  'blob-head',
  'upload-begin',
  'upload-patch',
  'upload-put',
  'manifest-put',
  'tag-put',
  'tag-head',
];

describe('registry/client whose token ends', () => {
  for (const [index, phase] of pushPhases.entries()) {
    const profile = phase === 'upload-patch' ? 'artifactory' : allProfiles[(index + 1) % allProfiles.length];
    it(`before ${phase}, again and again (${profile ?? 'no profile'})`, async () => {
      // Each time the repetition of the refused request is let through; the very first has no token yet.
      const unsigned = phase === 'tag-head' ? 1 : 0;
      const faults = [1, 3, 5].map((at) => ({ phase, expireTokens: true, skip: at + unsigned }));
      expect((await tryPush({ profile, jobs: 1, faults })).result).to.equal('done');
    });
  }

  for (const phase of ['tag-head', 'manifest-get', 'blob-get'] as const) {
    it(`while pulling, before ${phase}`, async () => {
      const faults = [{ phase, expireTokens: true, skip: 1 }];
      expect((await tryPull({ faults })).result).to.equal('done');
    });
  }

  it('in the middle of a blob that is cut', async () => {
    const faults: readonly RegistryFault[] = [
      { phase: 'blob-get', cutBodyAfter: 50_000 },
      { phase: 'blob-get', expireTokens: true },
    ];
    expect((await tryPull({ faults })).result).to.equal('done');
  });

  it('in the middle of an upload that is cut', async () => {
    const faults: readonly RegistryFault[] = [
      { phase: 'upload-put', cutAfter: 50_000 },
      { phase: 'upload-begin', skip: 1, expireTokens: true },
      { phase: 'upload-put', expireTokens: true },
    ];
    expect((await tryPush({ faults })).result).to.equal('done');
  });

  it('while each upload goes on', async () => {
    const faults = [{ phase: 'upload-put', expireTokens: true, times: always }] as const;
    expect((await tryPush({ faults })).result).to.be.oneOf(['done', 'REGISTRY_UNAUTHORIZED']);
  });

  const rows: readonly (readonly [string, RegistryFault, readonly string[], Partial<Trial>?])[] = [
    ['a token server that is down for a moment', { phase: 'token', status: 503, times: 2 }, ['done']],
    ['a token server that has enough for a moment', { phase: 'token', status: 429, retryAfter: 0 }, ['done']],
    ['a token server that is down', { phase: 'token', status: 500, times: always }, ['REGISTRY_ERROR']],
    [
      'a token server that refuses',
      { phase: 'token', status: 401, times: always },
      ['REGISTRY_UNAUTHORIZED'],
    ],
    [
      'a token server that denies',
      { phase: 'token', status: 403, times: always },
      ['REGISTRY_UNAUTHORIZED', 'REGISTRY_DENIED'],
    ],
    [
      'a token server that has enough',
      { phase: 'token', status: 429, times: always },
      ['REGISTRY_RATE_LIMITED'],
    ],
    [
      'a wrong password',
      {},
      ['REGISTRY_UNAUTHORIZED'],
      { registry: { auth: { kind: 'token', username: 'x', password: 'y' } } },
    ],
    [
      'tokens that live a second',
      {},
      ['done'],
      { registry: { auth: { kind: 'token', username: 'ci', password: 'a very secret word', expiresIn: 1 } } },
    ],
    [
      'a registry that forgets every token',
      { phase: ['upload-begin', 'blob-head'], expireTokens: true, times: always },
      ['done', 'REGISTRY_UNAUTHORIZED'],
    ],
    [
      'a registry that denies every upload',
      { phase: 'upload-begin', status: 403, times: always },
      ['REGISTRY_DENIED'],
    ],
  ];
  for (const [name, fault, expected, trial] of rows) {
    it(name, async () => {
      const faults = Object.keys(fault).length === 0 ? [] : [fault];
      expect((await tryPush({ layer: 20_000, ...trial, faults })).result).to.be.oneOf(expected);
    });
  }
});
