import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { at, blobOf, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/client given a body', () => {
  const { clientWith, registryWith } = useRegistries();

  const bytes = randomBytes(400_000);
  const rows: readonly [string, () => Promise<Readable>, Record<string, unknown>][] = [
    [
      'that is too short',
      async () => Readable.from([bytes.subarray(1)], { objectMode: false }),
      { code: 'SIZE_MISMATCH' },
    ],
    [
      'that is too long',
      async () => Readable.from([bytes, Buffer.from('x')], { objectMode: false }),
      { code: 'SIZE_MISMATCH' },
    ],
    [
      'that fails',
      async () => {
        async function* failing(): AsyncGenerator<Buffer> {
          yield bytes.subarray(0, 1000);
          throw new Error('the disk is gone');
        }
        return Readable.from(failing(), { objectMode: false });
      },
      { message: 'the disk is gone' },
    ],
    ['that cannot be opened', () => Promise.reject(new Error('no such file')), { message: 'no such file' }],
  ];
  for (const [name, openBody, fields] of rows) {
    it(`${name} is an error, and nothing stays open`, async () => {
      const registry = await registryWith();
      const error = await rejection(clientWith().sink(at(registry)).put(blobOf(bytes), openBody));
      expect(error).to.include(fields);
      expect(registry.openUploads()).to.deep.equal([]);
      expect(registry.requests.filter(({ method }) => method === 'POST')).to.have.length(1);
    });
  }
});
