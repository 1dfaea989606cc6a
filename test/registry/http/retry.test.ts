import { copyImage } from '@mabuild/oci';
import { createRegistryClient, parseRetryAfter } from '@mabuild/registry';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';
import { registryVectors } from '../../support/vectors.ts';

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

  const unseen = {
    errors: [{ code: 'DIGEST_INVALID' }, { code: 'MANIFEST_BLOB_UNKNOWN', detail: 'sha256:0' }],
  };
  const fault = { phase: 'manifest-put', status: 400, body: JSON.stringify(unseen) } as const;
  for (const [times, written] of [
    [2, true],
    [3, false],
  ] as const) {
    it(`writes a manifest ${written ? 'all the same' : 'not'} whose blobs are not seen ${times} times`, async () => {
      const registry = await startTestRegistry({ faults: [{ ...fault, times }] });
      const client = createRegistryClient({ retry: { baseDelay: 1 } });
      const image = makeIndex(['linux/arm64']);
      const push = copyImage(image.source, client.sink({ registry: registry.host, repository: 'app' }), {
        tags: ['1'],
      });
      if (written) await push;
      else expect((await rejection(push)).message).to.contain('MANIFEST_BLOB_UNKNOWN');
      expect(registry.tagOf('app', '1')).to.equal(written ? image.root.digest : undefined);
      await client.close();
      await registry.close();
    });
  }
});
