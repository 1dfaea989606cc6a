import { parseRetryAfter } from '@mabuild/registry';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

interface Vector {
  readonly header: string | null;
  readonly fallbackMs?: number;
  readonly delayMs: number;
  readonly note?: string;
}

const now = Date.UTC(2026, 10, 21);

describe('registry/retry', () => {
  registryVectors<Vector>('retry-after.json', {
    title: ({ header }) => String(header),
    departs: ({ delayMs }) =>
      delayMs < 0 ? "a negative number is 0, as the row's own note says" : undefined,
    check({ header, fallbackMs, delayMs }) {
      const text = header?.startsWith('(now') === true ? new Date(now + 30_000).toUTCString() : header;
      expect(parseRetryAfter(text ?? undefined, now) ?? fallbackMs).to.equal(Math.max(0, delayMs));
    },
  });

  const bad: readonly [string, number | undefined][] = [
    ['', undefined],
    ['5 seconds', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['2099', 2_099_000],
    ['2099-01-01', undefined],
    ['Wed, 99 Foo 2099', undefined],
    [' 3 ', 3000],
  ];
  for (const [header, delay] of bad) {
    it(`reads ${JSON.stringify(header)} as ${delay}`, () => {
      expect(parseRetryAfter(header, now)).to.equal(delay);
    });
  }
});
