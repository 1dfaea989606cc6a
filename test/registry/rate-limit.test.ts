import { expect } from 'chai';
import { formatRateLimit, type RateLimit, rateLimitOf } from '../../packages/registry/src/rate-limit.ts';
import { at, useRegistries } from '../support/registries.ts';
import { rejection } from '../support/rejection.ts';

describe('registry/rate-limit', () => {
  const rows: readonly [Readonly<Record<string, string>>, RateLimit | undefined, string][] = [
    [{}, undefined, ''],
    [
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
      { limit: 100, remaining: 0, window: 21_600 },
      '0 of 100 requests left in 6 h',
    ],
    [
      { 'ratelimit-limit': ' 200 ; w=90', 'ratelimit-remaining': '7' },
      { limit: 200, remaining: 7, window: 90 },
      '7 of 200 requests left in 90 s',
    ],
    [{ 'ratelimit-remaining': '3;w=120' }, { remaining: 3, window: 120 }, '3 requests left in 2 min'],
    [{ 'ratelimit-limit': '5' }, { limit: 5 }, 'at most 5 requests'],
    [
      { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '59', 'x-ratelimit-reset': '1700000000' },
      { limit: 60, remaining: 59 },
      '59 of 60 requests left',
    ],
    [{ 'ratelimit-limit': 'many', 'ratelimit-remaining': '-1' }, undefined, ''],
    [{ 'ratelimit-limit': '', 'ratelimit-remaining': '1e9' }, undefined, ''],
    [
      { 'ratelimit-limit': '10, 10;w=1', 'ratelimit-remaining': '9'.repeat(40) },
      { limit: 10 },
      'at most 10 requests',
    ],
  ];
  for (const [headers, limit, words] of rows) {
    it(`reads ${JSON.stringify(headers)}`, () => {
      const found = rateLimitOf((name) => headers[name]);
      expect(found).to.deep.equal(limit);
      expect(found === undefined ? '' : formatRateLimit(found)).to.equal(words);
    });
  }

  describe('of a registry', () => {
    const { registryWith, clientWith } = useRegistries();

    it('is told with every wait and with the error', async () => {
      const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' };
      const registry = await registryWith({ faults: [{ status: 429, headers, retryAfter: 3600, times: 9 }] });
      const client = clientWith({ retry: { baseDelay: 1, maxDelay: 2, attempts: 2 } });
      const error = await rejection(client.resolve(at(registry)));
      const rateLimit = { limit: 100, remaining: 0, window: 21_600 };
      expect(client.events).to.have.length(1);
      expect(client.events[0]).to.deep.include({ asked: true, delay: 2, retryAfter: 3_600_000, rateLimit });
      expect(error).to.deep.include({ code: 'REGISTRY_RATE_LIMITED', rateLimit, retryAfter: 3_600_000 });
      expect(error.message).to.match(/answered 429 \(0 of 100 requests left in 6 h\)$/);
    });

    it('is no matter of other errors', async () => {
      const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '90;w=21600' };
      const registry = await registryWith({ faults: [{ status: 500, headers, times: 9 }] });
      const client = clientWith({ retry: { baseDelay: 1, attempts: 2 } });
      const error = await rejection(client.resolve(at(registry)));
      expect(error.message).to.match(/answered 500$/);
      expect(client.events[0]).to.not.have.property('rateLimit');
    });
  });
});
