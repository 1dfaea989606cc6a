import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get } from 'node:https';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { digestOf } from '@mabuild/oci';
import { type RegistryFault, startTestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { ask } from '../../support/http-ask.ts';

const body = randomBytes(100_000);
const address = `blobs/${digestOf(body)}`;

/** What a client has seen of GET of a blob so far, down to the connection. */
interface Seen {
  readonly head: string;
  readonly rest: Buffer;
  readonly ended: boolean;
}

/** Looks at what comes until it is as expected; gives up after a while, and shows what it was then. */
async function see<T>(options: TestRegistryOptions, look: (seen: Seen) => T, expected: T): Promise<T> {
  const registry = await startTestRegistry(options);
  registry.addBlob('app', body);
  const socket = connect(Number(registry.host.split(':')[1]), '127.0.0.1');
  const chunks: Buffer[] = [];
  let ended = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  socket.once('close', () => {
    ended = true;
  });
  socket.write(`GET /v2/app/${address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  try {
    for (let tries = 0; ; tries += 1) {
      // Also what is expected not to come gets some time to come.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const all = Buffer.concat(chunks);
      const cut = all.indexOf('\r\n\r\n');
      const head = all.toString('latin1', 0, cut === -1 ? all.length : cut);
      const seen = look({ head, rest: all.subarray(cut + 4), ended });
      if (isDeepStrictEqual(seen, expected) || tries === 200) {
        return seen;
      }
    }
  } finally {
    socket.destroy();
    await registry.close();
  }
}

const rows: readonly (readonly [string, RegistryFault, (seen: Seen) => unknown, unknown])[] = [
  [
    'status',
    { status: 418, body: 'tea' },
    ({ head, rest }) => [head.slice(9, 12), String(rest)],
    ['418', 'tea'],
  ],
  ['headers', { status: 200, headers: { a: 'b' } }, ({ head }) => /^a: b$/m.test(head), true],
  ['retryAfter', { status: 429, retryAfter: 7 }, ({ head }) => /^retry-after: 7$/m.test(head), true],
  [
    'retryAfterDate',
    { status: 429, retryAfter: 7, retryAfterDate: true },
    ({ head }) => /^retry-after: \w{3}, .* GMT$/m.test(head),
    true,
  ],
  [
    'redirectToSelf',
    { redirectToSelf: true },
    ({ head }) => [head.slice(9, 12), head.includes(`location: /v2/app/${address}`)],
    ['307', true],
  ],
  ['raw', { raw: 'no HTTP' }, ({ head, ended }) => [head, ended], ['no HTTP', true]],
  ['hang', { hang: true }, ({ head, ended }) => [head, ended], ['', false]],
  ['cutAfter', { cutAfter: 0 }, ({ head, ended }) => [head, ended], ['', true]],
  ['cutAfterAnswer', { cutAfterAnswer: true }, ({ head, ended }) => [head, ended], ['', true]],
  ['cutBodyAfter', { cutBodyAfter: 10 }, ({ rest, ended }) => [rest.length, ended], [10, true]],
  ['stallBodyAfter', { stallBodyAfter: 10 }, ({ rest, ended }) => [rest.length, ended], [10, false]],
  [
    'stallBodyAfter 0',
    { stallBodyAfter: 0 },
    ({ head, rest }) => [head.slice(9, 12), rest.length],
    ['200', 0],
  ],
  ['endless', { endless: true }, ({ rest, ended }) => [rest.length > body.length, ended], [true, false]],
  [
    'damageBody',
    { damageBody: true },
    ({ rest }) => [rest.length, rest.equals(body), rest.subarray(0, 10).equals(body.subarray(0, 10))],
    [body.length, false, true],
  ],
  [
    'lengthOff',
    { lengthOff: -5 },
    ({ head, ended }) => [head.includes(`content-length: ${body.length - 5}`), ended],
    [true, true],
  ],
  [
    'contentDigest',
    { contentDigest: 'sha256:no' },
    ({ head }) => head.includes('docker-content-digest: sha256:no'),
    true,
  ],
  ['delay', { delay: 1 }, ({ rest }) => rest.equals(body), true],
  ['skip', { status: 500, skip: 1 }, ({ head }) => head.slice(9, 12), '200'],
  ['phase', { status: 500, phase: ['manifest-get', 'blob-head'] }, ({ head }) => head.slice(9, 12), '200'],
  ['url', { status: 500, url: /blobs/ }, ({ head }) => head.slice(9, 12), '500'],
];

describe('registry/testing on the wire', () => {
  for (const [name, fault, look, expected] of rows) {
    it(`fails by ${name}`, async () => {
      expect(await see({ faults: [fault] }, look, expected)).to.deep.equal(expected);
    });
  }

  it('answers without reading, and closes', async () => {
    const registry = await startTestRegistry({ faults: [{ status: 413, unread: true }] });
    await ask('PUT', `${registry.url}/v2/app/manifests/x`, { body: Buffer.alloc(5_000_000) });
    expect(registry.requests[0]?.requestBytes).to.equal(0);
    await registry.close();
  });

  it('uses faults up, each as often as it says', async () => {
    const faults = [{ status: 500, times: 2 }, { status: 429 }];
    const registry = await startTestRegistry({ faults });
    const statuses = [];
    for (let count = 0; count < 4; count += 1) {
      statuses.push((await ask('GET', `${registry.url}/v2/`)).status);
    }
    expect(statuses).to.deep.equal([500, 500, 429, 200]);
    expect(registry.faults).to.deep.equal([]);
    await registry.close();
  });

  describe('far away', () => {
    it('brings every byte, both ways', async () => {
      const registry = await startTestRegistry({ latency: 10, rate: 50_000_000 });
      const base = `${registry.url}/v2/app`;
      const { headers } = await ask('POST', `${base}/blobs/uploads/`);
      const put = new URL(`${headers.location}&digest=${digestOf(body)}`, base).href;
      expect((await ask('PUT', put, { body })).status).to.equal(201);
      expect(digestOf(registry.blob('app', digestOf(body)) ?? '')).to.equal(digestOf(body));
      const socket = connect(Number(registry.host.split(':')[1]), '127.0.0.1');
      socket.write(`GET /v2/app/${address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      expect((await buffer(socket)).subarray(-body.length).equals(body)).to.equal(true);
      await registry.close();
    });

    it('is cut off as if it were near', async () => {
      const options = { latency: 5, faults: [{ cutBodyAfter: 1000 }] };
      expect(await see(options, ({ ended, rest }) => ended && rest.length <= 1000, true)).to.equal(true);
    });
  });

  describe('behind TLS', () => {
    let authority: Authority;
    before(() => {
      authority = makeAuthority();
    });
    after(() => authority.close());

    async function statusOf(options: TestRegistryOptions, client: SecureContextOptions): Promise<unknown> {
      const tls = { ...authority.issue('IP:127.0.0.1'), clientCa: options.tls?.clientCa };
      const registry = await startTestRegistry({ ...options, tls });
      try {
        const request = get(`${registry.url}/v2/`, { agent: new Agent(), ...client });
        const [response] = await once(request, 'response');
        response.resume();
        return response.statusCode;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      } finally {
        await registry.close();
      }
    }

    it('is known by its authority', async () => {
      expect(await statusOf({}, { ca: authority.ca })).to.equal(200);
      expect(await statusOf({}, {})).to.match(/UNABLE_TO|SELF_SIGNED/);
    });

    it('is behind TLS also far away', async () => {
      expect(await statusOf({ latency: 5 }, { ca: authority.ca })).to.equal(200);
    });

    it('asks for a certificate of the client', async () => {
      const tls = { clientCa: authority.ca, cert: '', key: '' };
      const own = authority.issue('DNS:client');
      expect(await statusOf({ tls }, { ca: authority.ca, ...own })).to.equal(200);
      expect(await statusOf({ tls }, { ca: authority.ca })).to.match(/^E/);
    });
  });
});
