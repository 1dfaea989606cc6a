import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, type Outcome, tryPull, tryPush } from '../../support/registry-trial.ts';

const always = Number.POSITIVE_INFINITY;

function waits({ events }: Outcome): readonly Record<string, unknown>[] {
  return events.filter(({ type }) => type === 'registry-retry') as unknown as Record<string, unknown>[];
}

describe('registry/client told to wait', () => {
  const forms: readonly (readonly [string, RegistryFault, asked: boolean])[] = [
    ['no seconds', { retryAfter: 0 }, true],
    ['an hour in seconds', { retryAfter: 3600 }, true],
    ['an hour as a date', { retryAfter: 3600, retryAfterDate: true }, true],
    ['a date that is over', { retryAfter: -60, retryAfterDate: true }, false],
    ['a negative number', { retryAfter: -1 }, true],
    ['words', { headers: { 'retry-after': 'soon' } }, false],
  ];
  for (const status of [429, 503]) {
    for (const [index, [name, fault, asked]] of forms.entries()) {
      const profile = allProfiles[(index + status) % allProfiles.length];
      it(`${status}, ${name} (${profile ?? 'no profile'})`, async () => {
        const faults = [{ phase: 'upload-begin', status, ...fault }] as const;
        const outcome = await tryPush({ profile, layer: 1000, faults });
        expect(outcome.result).to.equal('done');
        const [wait] = waits(outcome);
        expect(wait).to.include({ reason: String(status), asked });
        // However long the registry asks for, no longer than the client was told.
        expect(wait?.delay).to.be.at.most(5);
      });
    }
  }

  it('by 429 to everything at first', async () => {
    const outcome = await tryPush({
      layer: 1000,
      faults: [{ status: 429, times: 3 }],
      client: { retry: { baseDelay: 1, maxDelay: 2, attempts: 6 } },
    });
    expect(outcome.result).to.equal('done');
  });

  it('by every fifth answer', async () => {
    const faults = Array.from({ length: 30 }, (_, index) => ({ status: 429, skip: index * 4 }));
    const client = { retry: { baseDelay: 1, maxDelay: 2, attempts: 12 } };
    expect((await tryPush({ layer: 1000, faults, client })).result).to.equal('done');
  });

  it('by 429 to everything, for ever', async () => {
    const { result, error } = await tryPush({ layer: 1000, faults: [{ status: 429, times: always }] });
    expect(result).to.equal('REGISTRY_RATE_LIMITED');
    expect(error).to.have.property('hint').that.contains('wait');
  });

  it('in an upload, goes on with the same one and asks nothing else', async () => {
    const faults = [{ phase: 'upload-put', status: 429, retryAfter: 0, times: 2 }] as const;
    const { registry, result } = await tryPush({ jobs: 1, faults });
    expect(result).to.equal('done');
    const asked = registry.requests
      .filter(({ phase }) => /^upload|^blob/.test(phase))
      .map(({ phase }) => phase);
    const first = asked.indexOf('upload-put');
    expect(asked.slice(first, first + 3)).to.deep.equal(['upload-put', 'upload-put', 'upload-put']);
    expect(asked).to.not.include('upload-cancel');
  });

  it('by Docker Hub, with its words', async () => {
    const { result, error } = await tryPull({
      profile: 'docker-hub',
      registry: { rateLimit: { pulls: 1, windowSeconds: 21_600 } },
      faults: [],
    });
    expect(result).to.equal('REGISTRY_RATE_LIMITED');
    expect(error?.message).to.contain('TOOMANYREQUESTS You have reached your pull rate limit');
  });
});
