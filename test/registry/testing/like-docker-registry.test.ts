import { digestOf, mediaTypes } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { ask, type Told } from '../../support/http-ask.ts';
import { findServices } from '../../support/services.ts';

type Row = readonly [name: string, probe: (base: string) => Promise<unknown>, expected: unknown];

const config = Buffer.from('{}');
const manifest = (blob: Buffer): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: digestOf(blob), size: blob.length },
      layers: [],
    }),
  );
const typed = { 'content-type': mediaTypes.ociManifest, accept: mediaTypes.ociManifest };

async function begin(base: string): Promise<string> {
  const { headers } = await ask('POST', `${base}/blobs/uploads/`);
  return new URL(headers.location ?? '', base).href;
}

async function upload(base: string, bytes: Buffer): Promise<Told> {
  return ask('PUT', `${await begin(base)}&digest=${digestOf(bytes)}`, { body: bytes });
}

async function putManifest(base: string, name: string, options: { headers?: Record<string, string> } = {}) {
  await upload(base, config);
  const headers = { ...typed, ...options.headers };
  return ask('PUT', `${base}/manifests/${name}`, { body: manifest(config), headers });
}

const chunk = (text: string, range: string) => ({
  body: Buffer.alloc(100, text),
  headers: { 'content-range': range },
});

/** What docker-registry 2.8 was seen to do; the profile `distribution` has to do the same. */
const rows: readonly Row[] = [
  [
    'an upload begins',
    async (base) => {
      const { status, headers } = await ask('POST', `${base}/blobs/uploads/`);
      return [status, headers.range, headers.location?.startsWith('http://')];
    },
    [202, '0-0', true],
  ],
  ['tells how far it is', async (base) => (await ask('GET', await begin(base))).status, 204],
  [
    'takes a chunk',
    async (base) => {
      const { status, headers } = await ask('PATCH', await begin(base), chunk('a', '0-99'));
      return [status, headers.range];
    },
    [202, '0-99'],
  ],
  [
    'takes a chunk out of order as if it were the next',
    async (base) => {
      const first = await ask('PATCH', await begin(base), chunk('a', '0-99'));
      const second = await ask('PATCH', first.headers.location ?? '', chunk('b', '50-149'));
      return [second.status, second.headers.range];
    },
    [202, '0-199'],
  ],
  [
    'knows an upload no longer by a Location of before',
    async (base) => {
      const location = await begin(base);
      await ask('PATCH', location, chunk('a', '0-99'));
      const { status, text } = await ask('GET', location);
      return [status, JSON.parse(text).errors[0].code];
    },
    [404, 'BLOB_UPLOAD_INVALID'],
  ],
  [
    'knows an upload no longer whose chunk was cut',
    async (base) => {
      const location = await begin(base);
      const cut = await ask('PATCH', location, { body: Buffer.alloc(70_000, 'a'), cutOf: 200_000 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [cut.status, (await ask('GET', location)).status, (await ask('DELETE', location)).status];
    },
    [0, 404, 404],
  ],
  [
    'cancels',
    async (base) => {
      const location = await begin(base);
      return [(await ask('DELETE', location)).status, (await ask('GET', location)).status];
    },
    [204, 404],
  ],
  [
    'refuses what its digest does not say',
    async (base) => {
      const location = `${await begin(base)}&digest=${digestOf('hello')}`;
      const { status, text } = await ask('PUT', location, { body: 'hellx' });
      return [status, JSON.parse(text).errors[0].code, (await ask('GET', location)).status];
    },
    [400, 'DIGEST_INVALID', 404],
  ],
  ['refuses a PUT without a digest', async (base) => (await ask('PUT', await begin(base))).status, 400],
  ['takes a blob', async (base) => (await upload(base, config)).status, 201],
  [
    'sends a part of a blob',
    async (base) => {
      await upload(base, Buffer.from('hello'));
      const address = `${base}/blobs/${digestOf('hello')}`;
      const [inside, outside] = [
        await ask('GET', address, { headers: { range: 'bytes=2-3' } }),
        await ask('GET', address, { headers: { range: 'bytes=9-' } }),
      ];
      return [inside.status, inside.text, inside.headers['content-range'], outside.status];
    },
    [206, 'll', 'bytes 2-3/5', 416],
  ],
  [
    'mounts only from a repository that is named and has it',
    async (base) => {
      await upload(`${base}-other`, Buffer.from('hello'));
      const other = new URL(`${base}-other`).pathname.slice('/v2/'.length);
      const statuses = [];
      for (const query of [
        `mount=${digestOf('hello')}`,
        `mount=${digestOf('hellx')}&from=${other}`,
        `mount=${digestOf('hello')}&from=${other}`,
      ]) {
        statuses.push((await ask('POST', `${base}/blobs/uploads/?${query}`)).status);
      }
      return statuses;
    },
    [202, 202, 201],
  ],
  [
    'takes a POST with everything for a beginning',
    async (base) =>
      (await ask('POST', `${base}/blobs/uploads/?digest=${digestOf('hello')}`, { body: 'hello' })).status,
    202,
  ],
  [
    'takes a manifest',
    async (base) => {
      const { status, headers } = await putManifest(base, 'one');
      return [status, headers['docker-content-digest']];
    },
    [201, digestOf(manifest(config))],
  ],
  [
    'takes a manifest whatever If-Match says, although it tells an ETag',
    async (base) => {
      await putManifest(base, 'one');
      const written = await putManifest(base, 'one', { headers: { 'if-match': '"sha256:other"' } });
      const read = await ask('HEAD', `${base}/manifests/one`, { headers: typed });
      return [written.status, read.headers.etag];
    },
    [201, `"${digestOf(manifest(config))}"`],
  ],
  [
    'refuses manifests without their blobs, of bad JSON, of another digest',
    async (base) => {
      await upload(base, config);
      const put = async (name: string, body: Buffer) =>
        JSON.parse((await ask('PUT', `${base}/manifests/${name}`, { body, headers: typed })).text).errors[0]
          .code;
      return [
        await put('two', manifest(Buffer.from('nowhere'))),
        await put('two', Buffer.from('{"x')),
        await put(digestOf('other'), manifest(config)),
      ];
    },
    ['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_INVALID', 'DIGEST_INVALID'],
  ],
  [
    'knows no such manifest, tag list or upload',
    async (base) => {
      const answers = [
        await ask('GET', `${base}/manifests/none`, { headers: typed }),
        await ask('GET', `${base}/tags/list`),
        await ask('GET', `${base}/blobs/${digestOf('none')}`),
      ];
      return answers.map(({ status, text }) => [status, JSON.parse(text).errors[0].code]);
    },
    [
      [404, 'MANIFEST_UNKNOWN'],
      [404, 'NAME_UNKNOWN'],
      [404, 'BLOB_UNKNOWN'],
    ],
  ],
  [
    'lists all tags at once',
    async (base) => {
      await putManifest(base, 'b');
      await putManifest(base, 'a');
      const { text, headers } = await ask('GET', `${base}/tags/list?n=1`);
      return [[...JSON.parse(text).tags].sort(), headers.link];
    },
    [['a', 'b'], undefined],
  ],
  [
    'lists repositories in pages',
    async (base) => {
      await upload(base, config);
      await upload(`${base}-other`, config);
      const { text, headers } = await ask('GET', `${new URL(base).origin}/v2/_catalog?n=1`);
      return [JSON.parse(text).repositories.length, /rel="next"$/.test(String(headers.link))];
    },
    [1, true],
  ],
  [
    'has no referrers',
    async (base) => (await ask('GET', `${base}/referrers/${digestOf(config)}`)).status,
    404,
  ],
];

describe('registry/testing like docker-registry', () => {
  let own: TestRegistry;
  before(async () => {
    own = await startTestRegistry({ profile: 'distribution' });
  });
  after(() => own.close());

  const services = findServices();
  const targets: readonly (readonly [string, () => string])[] = [
    ['the profile "distribution"', () => own.host],
    ...(services === undefined ? [] : [['docker-registry itself', () => services.registry] as const]),
  ];
  for (const [target, host] of targets) {
    describe(target, () => {
      for (const [index, [name, probe, expected]] of rows.entries()) {
        it(name, async () => {
          expect(await probe(`http://${host()}/v2/like-${process.pid}/row-${index}`)).to.deep.equal(expected);
        });
      }
    });
  }
});
