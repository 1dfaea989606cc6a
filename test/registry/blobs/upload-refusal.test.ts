import { expect } from 'chai';
import { refusalOf, type UploadRefusal } from '../../../packages/registry/src/blobs/upload-refusal.ts';
import { RegistryError } from '../../../packages/registry/src/error.ts';
import { ConnectionFault } from '../../../packages/registry/src/http/connection-fault.ts';

function answered(status: number, said = '', registryCode?: string): RegistryError {
  return new RegistryError(
    `uploading blob sha256:0 to r/too large: PUT http://r answered ${status} ${said}`,
    {
      code: 'REGISTRY_ERROR',
      status,
      registryCode,
    },
  );
}

describe('registry/refusalOf', () => {
  const rows: readonly [error: unknown, refusal: UploadRefusal | undefined][] = [
    [new ConnectionFault('ECONNRESET'), 'cut'],
    [answered(408), 'cut'],
    [answered(502), 'cut'],
    [answered(504), 'cut'],
    [answered(413), 'too-large'],
    [
      answered(416, 'the request body is too large and exceeds the maximum permissible limit of 4.00MiB'),
      'too-large',
    ],
    [answered(400, 'blob exceeds the limit'), 'too-large'],
    [answered(416), 'lost'],
    [answered(404, 'BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_UNKNOWN'), 'lost'],
    [answered(404, 'BLOB_UPLOAD_INVALID', 'BLOB_UPLOAD_INVALID'), 'lost'],
    [answered(400, 'BLOB_UPLOAD_INVALID', 'BLOB_UPLOAD_INVALID'), 'lost'],
    [answered(404), 'unsupported'],
    [answered(405), 'unsupported'],
    [answered(411), 'unsupported'],
    [answered(415), 'unsupported'],
    [answered(501), 'unsupported'],
    [answered(400, 'DIGEST_INVALID', 'DIGEST_INVALID'), undefined],
    [answered(401), undefined],
    [answered(403), undefined],
    [answered(429), undefined],
    [answered(500), undefined],
    [answered(503), undefined],
    [new Error('the disk is gone'), undefined],
    [undefined, undefined],
  ];
  for (const [error, refusal] of rows) {
    const said = error instanceof Error ? error.message.replace(/^.* answered /, '') : 'nothing';
    it(`${said}: ${refusal ?? 'no other way helps'}`, () => {
      expect(refusalOf(error)).to.equal(refusal);
    });
  }
});
