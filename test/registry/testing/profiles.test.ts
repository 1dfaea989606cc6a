import { digestOf, mediaTypes } from '@mabuild/oci';
import {
  errorCode,
  inChunks,
  manifestOf,
  monolithic,
  type TalkRow,
  talkTests,
  typed,
} from '../../support/registry-talk.ts';

const mebibyte = 1024 * 1024;

const rows: readonly TalkRow[] = [
  [
    'ecr: takes parts of 5 MiB and more, but the last',
    { profile: 'ecr' },
    async (talk) => [
      await inChunks(talk, [5 * mebibyte, 10]),
      await inChunks(talk, [5 * mebibyte - 1, 10]),
      await monolithic(talk, 10),
      (await talk.ask('POST', 'blobs/uploads/')).headers['oci-chunk-min-length'],
    ],
    [[201, 201, 201], [201, 400], 201, undefined],
  ],
  [
    'ecr: refuses to write a tag twice',
    { profile: 'ecr', strict: false },
    async ({ ask, registry }) => {
      registry.addManifest('app', 'one', mediaTypes.ociManifest, manifestOf({}));
      const again = await ask('PUT', 'manifests/one', { body: manifestOf({}), headers: typed });
      return [again.status, errorCode(again)];
    },
    [400, 'TAG_INVALID'],
  ],
  [
    'ghcr: refuses chunks of more than 4 MiB, unless their length is not told',
    { profile: 'ghcr' },
    async (talk) => [
      await inChunks(talk, [4 * mebibyte, 4 * mebibyte, 10]),
      await inChunks(talk, [4 * mebibyte + 1]),
      await monolithic(talk, 4 * mebibyte + 1),
      (
        await talk.ask('PATCH', await talk.begin(), {
          body: Buffer.alloc(4 * mebibyte + 1),
          headers: { 'transfer-encoding': 'chunked' },
        })
      ).status,
    ],
    [[202, 202, 202, 201], [416], 201, 202],
  ],
  [
    'artifactory: takes one PATCH and an empty PUT',
    { profile: 'artifactory' },
    async (talk) => [await monolithic(talk, 10), await inChunks(talk, [10]), await inChunks(talk, [5, 5])],
    [404, [202, 201], [202, 404]],
  ],
  [
    'docker-hub: counts pulls, tells the limit, and refuses',
    { profile: 'docker-hub', rateLimit: { pulls: 1, windowSeconds: 60 }, strict: false },
    async ({ ask, registry }) => {
      registry.addManifest('app', 'one', mediaTypes.ociManifest, manifestOf({}));
      const head = await ask('HEAD', 'manifests/one');
      const first = await ask('GET', 'manifests/one');
      const second = await ask('GET', 'manifests/one');
      return [
        head.headers['ratelimit-remaining'],
        first.headers['ratelimit-remaining'],
        second.status,
        errorCode(second),
      ];
    },
    ['1;w=60', '0;w=60', 429, 'TOOMANYREQUESTS'],
  ],
  [
    'harbor: names every request',
    { profile: 'harbor' },
    async ({ ask }) => (await ask('GET', 'tags/list')).headers['x-request-id']?.length,
    36,
  ],
  [
    'gitlab: has no referrers',
    { profile: 'gitlab' },
    async ({ ask }) => (await ask('GET', `referrers/${digestOf('x')}`)).status,
    404,
  ],
];

describe('registry/testing has the ways of', () => talkTests(rows));
