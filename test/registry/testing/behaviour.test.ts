import { createHash } from 'node:crypto';
import { digestOf, mediaTypes } from '@mabuild/oci';
import { expect } from 'chai';
import {
  inChunks,
  manifestOf,
  monolithic,
  type TalkRow,
  talkTests,
  typed,
} from '../../support/registry-talk.ts';

const rows: readonly TalkRow[] = [
  ['takes chunks', {}, (talk) => inChunks(talk, [10, 20, 5]), [202, 202, 202, 201]],
  [
    'refuses a chunk out of order, and says where to go on',
    {},
    async ({ ask, begin }) => {
      const first = await ask('PATCH', await begin(), { body: 'abc', headers: { 'content-range': '0-2' } });
      const wrong = await ask('PATCH', first.headers.location ?? '', {
        body: 'abc',
        headers: { 'content-range': '7-9' },
      });
      return [wrong.status, wrong.headers.range, wrong.headers.location === first.headers.location];
    },
    [416, '0-2', true],
  ],
  [
    'keeps what came of a chunk that was cut',
    {},
    async ({ ask, begin }) => {
      const location = await begin();
      await ask('PATCH', location, { body: Buffer.alloc(1000), cutOf: 5000 });
      await new Promise((resolve) => setTimeout(resolve, 30));
      return (await ask('GET', location)).headers.range;
    },
    '0-999',
  ],
  [
    'tells the least length of a chunk',
    { minChunk: 100 },
    async ({ ask }) => (await ask('POST', 'blobs/uploads/')).headers['oci-chunk-min-length'],
    '100',
  ],
  ['refuses what follows a short chunk', { minChunk: 100 }, (talk) => inChunks(talk, [99, 1]), [202, 400]],
  [
    'takes a last chunk that is short',
    { minChunk: 100 },
    (talk) => inChunks(talk, [100, 1]),
    [202, 202, 201],
  ],
  ['can refuse whole blobs', { monolithic: false }, (talk) => monolithic(talk, 5), 404],
  ['can refuse a second chunk', { chunked: false }, (talk) => inChunks(talk, [5, 5]), [202, 404]],
  [
    'can drop later chunks',
    { dropLaterChunks: true },
    (talk) => inChunks(talk, [5, 5], false),
    [202, 202, 400],
  ],
  [
    'can have a proxy before it that refuses large bodies, however they come',
    { maxBody: 100 },
    async (talk) => [
      await monolithic(talk, 100),
      await monolithic(talk, 101),
      await inChunks(talk, [100, 101]),
      (
        await talk.ask('PATCH', await talk.begin(), {
          body: Buffer.alloc(101),
          headers: { 'transfer-encoding': 'chunked' },
        })
      ).status,
    ],
    [201, 413, [202, 413], 413],
  ],
  [
    'takes one POST with everything',
    { singlePost: true },
    async ({ ask }) =>
      (await ask('POST', `blobs/uploads/?digest=${digestOf('hello')}`, { body: 'hello' })).status,
    201,
  ],
  [
    'takes sha512',
    {},
    async ({ ask, begin, registry }) => {
      const digest = `sha512:${createHash('sha512').update('hello').digest('hex')}`;
      await ask('PUT', `${await begin()}&digest=${digest}`, { body: 'hello' });
      return registry.blob('app', digest)?.toString();
    },
    'hello',
  ],
  [
    'mounts from anywhere when it is allowed',
    { anonymousMount: true },
    async ({ ask, registry }) => {
      const digest = registry.addBlob('other', Buffer.from('hello'));
      return (await ask('POST', `blobs/uploads/?mount=${digest}`)).status;
    },
    201,
  ],
  [
    'heeds If-Match and If-None-Match',
    { etag: true, strict: false },
    async ({ ask, registry }) => {
      const digest = registry.addManifest('app', 'one', mediaTypes.ociManifest, manifestOf({}));
      const put = async (tag: string, headers: Record<string, string>) =>
        (
          await ask('PUT', `manifests/${tag}`, {
            body: manifestOf({ a: 1 }),
            headers: { ...typed, ...headers },
          })
        ).status;
      return [
        (await ask('HEAD', 'manifests/one')).headers.etag === `"${digest}"`,
        await put('one', { 'if-none-match': '*' }),
        await put('one', { 'if-match': '"sha256:0"' }),
        await put('two', { 'if-match': `"${digest}"` }),
        await put('two', { 'if-none-match': '*' }),
        await put('one', { 'if-match': `"${digest}"` }),
      ];
    },
    [true, 412, 412, 412, 201, 201],
  ],
  [
    'deletes tags, manifests with their tags, and blobs',
    { strict: false },
    async ({ ask, registry }) => {
      const digest = registry.addManifest('app', 'one', mediaTypes.ociManifest, manifestOf({}));
      registry.addManifest('app', 'two', mediaTypes.ociManifest, manifestOf({}));
      const blob = registry.addBlob('app', Buffer.from('hello'));
      const statuses = [];
      for (const target of ['manifests/one', 'manifests/one', `manifests/${digest}`, `blobs/${blob}`]) {
        statuses.push((await ask('DELETE', target)).status);
      }
      return [statuses, registry.tagOf('app', 'two')];
    },
    [[202, 404, 202, 202], undefined],
  ],
  [
    'deletes by digest only',
    { delete: 'digests', strict: false },
    async ({ ask, registry }) => {
      const digest = registry.addManifest('app', 'one', mediaTypes.ociManifest, manifestOf({}));
      return [
        (await ask('DELETE', 'manifests/one')).status,
        (await ask('DELETE', `manifests/${digest}`)).status,
      ];
    },
    [405, 202],
  ],
  [
    'lists tags in pages',
    { pageSize: 2, strict: false },
    async ({ ask, registry }) => {
      for (const tag of ['c', 'a', 'b']) {
        registry.addManifest('app', tag, mediaTypes.ociManifest, manifestOf({}));
      }
      const first = await ask('GET', 'tags/list?n=9');
      const next = /<(.*)>; rel="next"/.exec(String(first.headers.link))?.[1] ?? '';
      const second = await ask('GET', next);
      return [JSON.parse(first.text).tags, JSON.parse(second.text).tags, second.headers.link];
    },
    [['a', 'b'], ['c'], undefined],
  ],
  [
    'lists referrers, by type when asked',
    { strict: false },
    async ({ ask }) => {
      const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf('subject'), size: 7 };
      for (const artifactType of ['text/a', 'text/b']) {
        const put = await ask('PUT', `manifests/${artifactType.slice(-1)}`, {
          body: manifestOf({ subject, artifactType, annotations: { of: artifactType } }),
          headers: typed,
        });
        expect(put.headers['oci-subject']).to.equal(subject.digest);
      }
      const all = JSON.parse((await ask('GET', `referrers/${subject.digest}`)).text);
      const some = await ask('GET', `referrers/${subject.digest}?artifactType=text/b`);
      const none = await ask('GET', `referrers/${digestOf('nobody')}`);
      return [
        all.manifests.length,
        JSON.parse(some.text).manifests.map((entry: { annotations: unknown }) => entry.annotations),
        some.headers['oci-filters-applied'],
        none.status,
      ];
    },
    [2, [{ of: 'text/b' }], 'artifactType', 200],
  ],
  [
    'lets go of a blob only from its store, without credentials',
    { redirectBlobs: true, auth: { kind: 'basic', username: 'u', password: 'p' } },
    async ({ ask, registry }) => {
      const digest = registry.addBlob('app', Buffer.from('hello'));
      const headers = { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` };
      const sent = await ask('GET', `blobs/${digest}`, { headers });
      const store = sent.headers.location ?? '';
      return [
        sent.status,
        new URL(store).host !== registry.host,
        (await ask('GET', store)).text,
        (await ask('GET', store, { headers })).status,
        registry.requests.at(-1)?.phase,
      ];
    },
    [307, true, 'hello', 400, 'storage'],
  ],
  [
    'logs what came and went',
    {},
    async ({ ask, begin, registry }) => {
      const digest = digestOf('hello');
      await ask('PUT', `${await begin()}&digest=${digest}`, { body: 'hello' });
      await ask('GET', `blobs/${digest}`);
      return registry.requests.map((entry) => [
        entry.phase,
        entry.status,
        entry.requestBytes,
        entry.answerBytes,
      ]);
    },
    [
      ['upload-begin', 202, 0, 0],
      ['upload-put', 201, 5, 0],
      ['blob-get', 200, 0, 5],
    ],
  ],
];

describe('registry/testing behaves', () => talkTests(rows));
