import { digestOf, mediaTypes } from '@mabuild/oci';
import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { allProfiles, type Trial, tryPull, tryPush } from '../../support/registry-trial.ts';

const always = Number.POSITIVE_INFINITY;
const other = digestOf('other');
const json = { 'content-type': 'application/json' };
const typed = { 'content-type': mediaTypes.ociIndex };

type Row = readonly [name: string, fault: RegistryFault, expected: readonly string[], trial?: Partial<Trial>];

const pushes: readonly Row[] = [
  ['a tag is said to be another digest', { phase: 'tag-head', contentDigest: other }, ['done']],
  [
    'a tag is always said to be another digest',
    { phase: 'tag-head', contentDigest: other, times: always },
    ['done', 'REGISTRY_TAG_MOVED'],
  ],
  [
    'a manifest is said to be stored as another',
    { phase: 'manifest-put', contentDigest: other, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'a tag is said to be stored as another',
    { phase: 'tag-put', status: 201, headers: { 'docker-content-digest': other }, times: always },
    ['REGISTRY_ERROR'],
  ],
  ['a digest is no digest', { phase: 'tag-head', contentDigest: 'sha256:xyz', times: always }, ['done']],
  [
    'a tag is written in words only',
    { phase: 'tag-put', status: 201, times: always },
    ['REGISTRY_TAG_MOVED'],
  ],
  ['a manifest is written in words only', { phase: 'manifest-put', status: 201 }, ['REGISTRY_ERROR']],
  [
    'a blob is stored in words only',
    { phase: 'upload-put', status: 201 },
    ['REGISTRY_ERROR'],
    { forgotten: true },
  ],
  ['a blob is said to be there', { phase: 'blob-head', status: 200 }, ['REGISTRY_ERROR']],
  ['an upload is said to be done at once', { phase: 'upload-begin', status: 201 }, ['REGISTRY_ERROR']],
  ['an upload has no address', { phase: 'upload-begin', status: 202, times: always }, ['REGISTRY_ERROR']],
  [
    'an upload has an address that is none',
    { phase: 'upload-begin', status: 202, headers: { location: 'http://' }, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'an upload leads to a private host',
    { phase: 'upload-begin', status: 202, headers: { location: 'http://10.1.2.3/u' }, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'an upload leads to a file',
    { phase: 'upload-begin', status: 202, headers: { location: 'file:///etc/passwd' }, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'an upload leads nowhere known',
    {
      phase: 'upload-begin',
      status: 202,
      headers: { location: '/v2/team/app/blobs/uploads/none' },
      times: always,
    },
    ['REGISTRY_ERROR'],
  ],
  ['an upload begins with 200', { phase: 'upload-begin', status: 200, times: always }, ['REGISTRY_ERROR']],
  [
    'a token answer of bad JSON',
    { phase: 'token', status: 200, headers: json, body: '{"tok', times: always },
    ['REGISTRY_UNAUTHORIZED'],
  ],
  [
    'a token answer that is null',
    { phase: 'token', status: 200, headers: json, body: 'null', times: always },
    ['REGISTRY_UNAUTHORIZED'],
  ],
  [
    'a token that is no word',
    { phase: 'token', status: 200, headers: json, body: '{"token":"a\\r\\nb: c"}', times: always },
    ['REGISTRY_UNAUTHORIZED'],
  ],
  [
    'a token that nobody takes',
    { phase: 'token', status: 200, headers: json, body: '{"token":"abc"}', times: always },
    ['REGISTRY_UNAUTHORIZED', 'REGISTRY_DENIED'],
  ],
  ['an endless token', { phase: 'token', endless: true, times: always }, ['DOCUMENT_TOO_LARGE']],
  [
    'an endless refusal of an upload',
    { phase: 'upload-put', status: 400, endless: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'an endless refusal of a manifest',
    { phase: 'manifest-put', status: 400, endless: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  ['an endless welcome of an upload', { phase: 'upload-put', endless: true }, ['done']],
  [
    'redirects in a circle when asked for a blob',
    { phase: 'blob-head', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle when an upload begins',
    { phase: 'upload-begin', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle in an upload',
    { phase: 'upload-put', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle for a tag',
    { phase: 'tag-put', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle for a token',
    { phase: 'token', redirectToSelf: true, times: always },
    ['REGISTRY_UNAUTHORIZED', 'REGISTRY_ERROR'],
  ],
  ['a redirect to nowhere', { phase: 'tag-put', status: 307, times: always }, ['REGISTRY_ERROR']],
  [
    'a page of HTML for a tag',
    {
      phase: 'tag-head',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>',
      times: always,
    },
    ['done'],
  ],
  [
    'no HTTP at all',
    { phase: 'upload-begin', raw: 'SSH-2.0-OpenSSH_9\r\n', times: always },
    ['REGISTRY_UNREACHABLE'],
  ],
  [
    'HTTP with bare line feeds',
    { phase: 'upload-begin', raw: 'HTTP/1.1 429 Too Many Requests\nRetry-After: 0\n\nToo Many\n' },
    ['done', 'REGISTRY_UNREACHABLE'],
  ],
  [
    'headers without end',
    { phase: 'upload-begin', raw: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`, times: always },
    ['REGISTRY_UNREACHABLE'],
  ],
];

const pulls: readonly Row[] = [
  [
    'an index of other bytes',
    { phase: 'manifest-get', damageBody: true, times: always },
    ['DIGEST_MISMATCH'],
  ],
  [
    'a manifest that is told too short',
    { phase: 'manifest-get', lengthOff: -5, times: always },
    ['DIGEST_MISMATCH', 'SIZE_MISMATCH', 'REGISTRY_UNREACHABLE'],
  ],
  [
    'a manifest that is told too long',
    { phase: 'manifest-get', lengthOff: 5, times: always },
    ['DIGEST_MISMATCH', 'SIZE_MISMATCH', 'REGISTRY_UNREACHABLE'],
  ],
  [
    'a manifest of bad JSON under a right name',
    { phase: 'manifest-get', status: 200, headers: typed, body: '{"x', times: always },
    ['DIGEST_MISMATCH', 'SIZE_MISMATCH'],
  ],
  [
    'a manifest that is said to be another',
    { phase: 'manifest-get', contentDigest: other, times: always },
    ['done', 'DIGEST_MISMATCH'],
  ],
  ['a tag that is told with a wrong length', { phase: 'tag-head', lengthOff: 7 }, ['SIZE_MISMATCH', 'done']],
  [
    'an endless manifest',
    { phase: 'manifest-get', endless: true, times: always },
    ['REGISTRY_UNREACHABLE', 'REGISTRY_ERROR', 'SIZE_MISMATCH', 'DIGEST_MISMATCH', 'DOCUMENT_TOO_LARGE'],
  ],
  [
    'a page of HTML for a manifest',
    {
      phase: 'manifest-get',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>',
      times: always,
    },
    ['DIGEST_MISMATCH', 'SIZE_MISMATCH', 'UNSUPPORTED_MANIFEST'],
  ],
  ['a blob of other bytes', { phase: 'blob-get', damageBody: true, times: always }, ['DIGEST_MISMATCH']],
  ['a blob of other bytes once', { phase: 'blob-get', damageBody: true }, ['DIGEST_MISMATCH', 'done']],
  [
    'a blob that is told too short',
    { phase: 'blob-get', lengthOff: -5, times: always },
    ['SIZE_MISMATCH', 'DIGEST_MISMATCH', 'REGISTRY_UNREACHABLE'],
  ],
  [
    'a blob that is told too long',
    { phase: 'blob-get', lengthOff: 5, times: always },
    ['SIZE_MISMATCH', 'DIGEST_MISMATCH', 'REGISTRY_UNREACHABLE', 'done'],
  ],
  ['an endless blob', { phase: 'blob-get', endless: true, times: always }, ['SIZE_MISMATCH']],
  ['an empty blob', { phase: 'blob-get', status: 200, times: always }, ['SIZE_MISMATCH', 'DIGEST_MISMATCH']],
  [
    'an endless refusal of a blob',
    { phase: 'blob-get', status: 403, endless: true, times: always },
    ['REGISTRY_DENIED'],
  ],
  [
    'redirects in a circle for a tag',
    { phase: 'tag-head', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle for a manifest',
    { phase: 'manifest-get', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle for a blob',
    { phase: 'blob-get', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
  ],
  [
    'redirects in a circle at the store',
    { phase: 'storage', redirectToSelf: true, times: always },
    ['REGISTRY_ERROR'],
    { profile: 'ghcr' },
  ],
  [
    'a store that has forgotten the blob',
    { phase: 'storage', status: 404, times: always },
    ['BLOB_NOT_FOUND'],
    { profile: 'docker-hub' },
  ],
  [
    'a store that sends a wrong part',
    { phase: 'storage', cutBodyAfter: 1000 },
    ['done'],
    { profile: 'ecr', registry: { ranges: false } },
  ],
  [
    'a part that begins elsewhere',
    {
      phase: 'blob-get',
      skip: 1,
      status: 206,
      headers: { 'content-range': 'bytes 0-99/200' },
      body: 'x'.repeat(100),
      times: always,
    },
    ['SIZE_MISMATCH', 'DIGEST_MISMATCH', 'REGISTRY_ERROR', 'REGISTRY_UNREACHABLE'],
  ],
];

describe('registry/client lied to', () => {
  for (const [what, rows, attempt] of [
    ['pushing', pushes, tryPush],
    ['pulling', pulls, tryPull],
  ] as const) {
    for (const [index, [name, fault, expected, trial]] of rows.entries()) {
      const profile = allProfiles.filter((known) => known !== 'artifactory')[
        index % (allProfiles.length - 1)
      ];
      it(`${what}: ${name} (${trial?.profile ?? profile ?? 'no profile'})`, async () => {
        const { result } = await attempt({ profile, layer: 20_000, ...trial, faults: [fault] });
        expect(result).to.be.oneOf(expected);
      });
    }
  }
});
