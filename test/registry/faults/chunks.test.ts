import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type Trial, tryPush } from '../../support/registry-trial.ts';

const mebibyte = 1024 * 1024;
/** A proxy that lets less than a layer through makes the client send chunks. */
const limited = { maxBody: 6 * mebibyte };
const offsets = { ...limited, offsetInLocation: true };
const layer = 11 * mebibyte;
const always = Number.POSITIVE_INFINITY;
const failed = ['REGISTRY_ERROR', 'REGISTRY_UNREACHABLE'];
/** The PUT after the chunks, known by the offset in its address. */
const lastPut = { phase: 'upload-put', url: /_offset=[1-9]/ } as const;
const silence = { timeouts: { silence: 300, storing: 300 }, retry: { baseDelay: 1, attempts: 5 } };

type Row = readonly [
  name: string,
  faults: readonly RegistryFault[],
  expected: readonly string[],
  trial?: Partial<Trial>,
];

const rows: readonly Row[] = [
  ['nothing goes wrong', [], ['done']],
  [
    'a proxy refuses large bodies without reading them',
    [{ phase: 'upload-put', unread: true, status: 413, url: /_offset=0/, times: always }],
    ['done'],
    { registry: { offsetInLocation: true } },
  ],
  ['a chunk is cut in the middle', [{ phase: 'upload-patch', cutAfter: 2_000_000 }], ['done']],
  ['chunks are cut three times', [{ phase: 'upload-patch', cutAfter: 2_000_000, times: 3 }], ['done']],
  ['the answer to a chunk is lost', [{ phase: 'upload-patch', cutAfterAnswer: true, times: 2 }], ['done']],
  [
    'a chunk is cut where Location holds the offset',
    [{ phase: 'upload-patch', cutAfter: 2_000_000 }],
    ['done'],
    { profile: 'distribution' },
  ],
  [
    'a chunk is cut where nobody tells how far it is',
    [{ phase: 'upload-patch', cutAfter: 2_000_000 }],
    ['done'],
    { registry: { ...limited, uploadStatus: false } },
  ],
  [
    'the token ends between chunks',
    [1, 3].map((skip) => ({ phase: 'upload-patch' as const, skip, expireTokens: true })),
    ['done'],
  ],
  [
    'the token ends before the last request',
    [{ ...lastPut, expireTokens: true }],
    ['done'],
    { registry: offsets },
  ],
  ['a chunk is a 500', [{ phase: 'upload-patch', status: 500 }], ['done']],
  ['a chunk is a 503 with Retry-After', [{ phase: 'upload-patch', status: 503, retryAfter: 1 }], ['done']],
  ['a chunk is a 416 without a reason', [{ phase: 'upload-patch', status: 416 }], ['done']],
  [
    'a chunk is a 404: the upload is forgotten',
    [{ phase: 'upload-patch', skip: 1, status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}' }],
    ['done'],
  ],
  ['a chunk is never answered', [{ phase: 'upload-patch', hang: true }], ['done'], { client: silence }],
  [
    'the upload is always forgotten',
    [
      {
        phase: 'upload-patch',
        skip: 1,
        status: 404,
        body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}',
        times: always,
      },
    ],
    failed,
  ],
  [
    'the question how far it is is a 404',
    [
      { phase: 'upload-patch', cutAfter: 100 },
      { phase: 'upload-status', status: 404 },
    ],
    ['done'],
  ],
  [
    'the question how far it is is a 500',
    [
      { phase: 'upload-patch', cutAfter: 100 },
      { phase: 'upload-status', status: 500 },
    ],
    ['done'],
  ],
  [
    'the question how far it is has a Range of nonsense',
    [
      { phase: 'upload-patch', cutAfter: 100 },
      { phase: 'upload-status', status: 204, headers: { range: 'all' } },
    ],
    ['done'],
  ],
  [
    'the question how far it is says more than was sent',
    [
      { phase: 'upload-patch', cutAfter: 100 },
      { phase: 'upload-status', status: 204, headers: { range: '0-99999999' } },
    ],
    ['done', ...failed],
  ],
  ['chunks are taken with 201', [], ['done'], { registry: { ...limited, patchStatus: 201 } }],
  ['chunks are taken with 204', [], ['done'], { registry: { ...limited, patchStatus: 204 } }],
  ['later chunks are thrown away', [], failed, { registry: { ...limited, dropLaterChunks: true } }],
  [
    'a least length of chunks is told',
    [],
    ['done'],
    { registry: { ...limited, minChunk: 5 * mebibyte + 3 } },
  ],
  [
    'a least length is told that the proxy does not let through',
    [],
    failed,
    { registry: { ...limited, minChunk: 8 * mebibyte } },
  ],
  ['only one PATCH is taken', [], failed, { registry: { ...limited, chunked: false } }],
  ['ECR', [], ['done'], { profile: 'ecr' }],
  ['GHCR, whose chunks are small', [], ['done'], { profile: 'ghcr' }],
  [
    'Harbor behind a proxy that limits bodies',
    [{ phase: 'upload-patch', cutAfter: 2_000_000 }],
    ['done'],
    { profile: 'harbor' },
  ],
  [
    'GitLab behind a proxy that limits bodies',
    [{ phase: 'upload-patch', status: 502 }],
    ['done'],
    { profile: 'gitlab' },
  ],
  ['the last request is cut', [{ ...lastPut, cutAfter: 0 }], ['done'], { registry: offsets }],
  [
    'the answer to the last request is lost',
    [{ ...lastPut, cutAfterAnswer: true }],
    ['done'],
    { registry: offsets },
  ],
  ['the last request is a 500', [{ ...lastPut, status: 500 }], ['done'], { registry: offsets }],
  [
    'the last request says that the digest is wrong',
    [{ ...lastPut, status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}', times: always }],
    failed,
    { registry: offsets },
  ],
];

describe('registry/client sending chunks', () => {
  for (const [name, faults, expected, trial] of rows) {
    it(`when ${name}`, async () => {
      const { result, registry } = await tryPush({ layer, registry: limited, ...trial, faults });
      expect(result).to.be.oneOf(expected);
      expect(registry.requests.some(({ phase }) => phase === 'upload-patch')).to.equal(true);
    });
  }
});
