import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { digestOf, type ImageReference, mediaTypes } from '@mabuild/oci';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type Authority, makeAuthority } from '../support/certificates.ts';
import { closedAfterEach } from '../support/closed-after-each.ts';
import { type ConnectProxyOptions, startConnectProxy } from '../support/connect-proxy.ts';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';

const secret = 'hush%20hush';
const user = { username: 'ci', password: 'a very secret word' } as const;

describe('registry through a proxy', () => {
  let authority: Authority;
  before(() => {
    authority = makeAuthority();
  });
  after(() => authority.close());

  const keep = closedAfterEach();

  const kinds = ['http', 'https'] as const;
  /** A name that only the proxy can look up. */
  const named = 'registry.test:5000';

  async function setUp(
    kind: (typeof kinds)[number],
    {
      registry: registryOptions = {},
      proxy: proxyOptions = {},
      client: clientOptions = {},
      proxyUser = '',
    }: {
      registry?: TestRegistryOptions;
      proxy?: ConnectProxyOptions;
      client?: RegistryOptions;
      proxyUser?: string;
    } = {},
  ) {
    const tls = kind === 'https' ? authority.issue('DNS:registry.test') : undefined;
    const registry = keep(await startTestRegistry({ strict: false, tls, ...registryOptions }));
    const proxy = keep(await startConnectProxy({ hosts: { [named]: registry.host }, ...proxyOptions }));
    const address = `${proxyOptions.tls === undefined ? 'http' : 'https'}://${proxyUser}${proxy.host}`;
    const events: RegistryEvent[] = [];
    const client: RegistryClient = keep(
      createRegistryClient({
        retry: { baseDelay: 1, attempts: 2 },
        proxies: { http: address, https: address },
        ...(kind === 'http' ? { insecure: [named] } : { tls: { [named]: { ca: authority.ca } } }),
        onEvent: (event) => events.push(event),
        ...clientOptions,
      }),
    );
    return { registry, proxy, client, events };
  }

  const app: ImageReference = { registry: named, repository: 'team/app', tag: 'latest' };

  function publish(registry: TestRegistry, size = 200_000): Buffer {
    const bytes = randomBytes(size);
    registry.addBlob('team/app', bytes);
    registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{"schemaVersion":2}'));
    return bytes;
  }

  const layer = (bytes: Buffer) => ({
    mediaType: mediaTypes.ociLayerGzip,
    digest: digestOf(bytes),
    size: bytes.length,
  });

  for (const kind of kinds) {
    describe(`to ${kind}`, () => {
      it('pushes and reads back, API calls and bodies alike', async () => {
        const { registry, proxy, client } = await setUp(kind);
        const image = makeIndex(['linux/amd64', 'linux/arm64'], 300_000);
        await pushImage(client.sink(app), image, 'latest');
        expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
        const source = await client.resolve(app);
        const largest = image.contents.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
        expect((await buffer(await source.read(largest.descriptor))).equals(largest.bytes)).to.equal(true);
        if (kind === 'https') {
          expect(new Set(proxy.requests)).to.deep.equal(new Set([`CONNECT ${named}`]));
        } else {
          // The first attempt is https, which this registry does not speak.
          const forwarded = proxy.requests.filter((line) => line.includes(`http://${named}/v2/team/app/`));
          expect(forwarded).to.have.length(registry.requests.length);
        }
      });

      it('uses a connection again', async () => {
        const { registry, proxy, client } = await setUp(kind);
        const bytes = publish(registry);
        const source = await client.resolve(app);
        const before = proxy.requests.length;
        for (let round = 0; round < 3; round += 1) await buffer(await source.read(layer(bytes)));
        expect(proxy.requests.length - before).to.equal(kind === 'https' ? 0 : 3);
      });

      it('gives user and password to the proxy and to nobody else', async () => {
        const { registry, proxy, client } = await setUp(kind, {
          proxy: { user: 'me:hush hush' },
          proxyUser: `me:${secret}@`,
          registry: { auth: { kind: 'basic', ...user } },
          client: { credentials: { credentialFor: async () => ({ kind: 'basic', ...user }) } },
        });
        publish(registry);
        await client.resolve(app);
        expect(proxy.headers.every((text) => /^Proxy-Authorization$/im.test(text))).to.equal(true);
        const received = registry.requests.flatMap(({ headers }) => Object.entries(headers));
        const given = Buffer.from('me:hush hush').toString('base64');
        expect(received.filter(([name, value]) => name.startsWith('proxy-auth') || value?.includes(given))).to
          .be.empty;
        const own = Buffer.from(`${user.username}:${user.password}`).toString('base64');
        // What is sent through a tunnel stays inside of it.
        if (kind === 'https') expect(proxy.headers.join('\n')).to.not.contain(own);
      });

      const refusals: readonly [string, ConnectProxyOptions, RegExp, number][] = [
        ['that wants a password', { user: 'me:other' }, /answered 407/, 0],
        ['that forbids it', { status: 403 }, /answered 403 instead of connecting/, 0],
        ['that cannot reach the host', { status: 502 }, /answered 502 instead of connecting/, 1],
        [
          'that answers as if it were the registry',
          { status: 401, headers: { 'www-authenticate': 'Basic realm="give me your password"' } },
          /answered 401 instead of connecting/,
          0,
        ],
        [
          'that sends its callers elsewhere',
          { status: 307, headers: { location: 'http://elsewhere.test/' } },
          /answered 307 instead of connecting/,
          0,
        ],
      ];
      for (const [name, proxyOptions, message, retries] of refusals) {
        // Whole addresses are forwarded: there the proxy's answer cannot be told from the registry's.
        if (kind === 'http' && proxyOptions.user === undefined) continue;
        it(`tells of a proxy ${name}`, async () => {
          const { registry, proxy, client, events } = await setUp(kind, {
            proxy: proxyOptions,
            proxyUser: `me:${secret}@`,
            client: { credentials: { credentialFor: async () => ({ kind: 'basic', ...user }) } },
          });
          const error = await rejection(client.resolve(app));
          expect(error.message).to.match(message);
          expect(`${error.message} ${error.stack} ${JSON.stringify(events)}`).to.not.contain('hush');
          expect(events).to.have.length(retries);
          expect(registry.requests).to.deep.equal([]);
          expect(proxy.headers.join('\n')).to.not.match(/^authorization$/im);
          if (kind === 'https') {
            expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
            expect(error.message).to.contain(`the proxy http://${proxy.host} answered`);
          }
        });
      }

      it('names a proxy that is not there', async () => {
        const { proxy, client, events } = await setUp(kind, { proxyUser: `me:${secret}@` });
        await proxy.close();
        const error = await rejection(client.resolve(app));
        expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
        expect(error.message).to.contain(
          `the proxy http://${proxy.host} is not there: the connection was refused`,
        );
        expect(error).to.have.property('hint').that.contains('NO_PROXY');
        expect(`${error.stack}`).to.not.contain('hush');
        expect(events).to.deep.equal([]);
      });

      it('goes straight to what is excepted, and to this machine', async () => {
        const { registry, proxy, client } = await setUp(kind, {
          registry: kind === 'https' ? { tls: authority.issue('DNS:registry.test', 'IP:127.0.0.1') } : {},
        });
        publish(registry);
        const straight = keep(
          createRegistryClient({
            proxies: { http: `http://${proxy.host}`, https: `http://${proxy.host}` },
            tls: { [registry.host]: { ca: authority.ca } },
          }),
        );
        await straight.resolve({ ...app, registry: registry.host });
        expect(proxy.requests).to.deep.equal([]);
        const excepting = keep(
          createRegistryClient({
            retry: { attempts: 1 },
            proxies: { https: `http://${proxy.host}`, noProxy: '.test' },
          }),
        );
        expect(await rejection(excepting.resolve(app))).to.have.property('code', 'REGISTRY_UNREACHABLE');
        expect(proxy.requests).to.deep.equal([]);
        await client.resolve(app);
      });
    });
  }

  it('checks the certificate of the registry behind the tunnel', async () => {
    const { client, events } = await setUp('https', { client: { tls: {} } });
    const error = await rejection(client.resolve(app));
    expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
    expect(error.message).to.match(/nobody trusted here vouches for its certificate/);
    expect(error).to.have.property('hint').that.contains(`certificate authority of ${named}`);
    expect(events).to.deep.equal([]);
  });

  it('shows the client certificate to the registry, not to the proxy', async () => {
    const client = authority.issue('DNS:me');
    const { registry } = await setUp('https', {
      registry: { tls: { ...authority.issue('DNS:registry.test'), clientCa: authority.ca } },
      client: { tls: { [named]: { ca: authority.ca, ...client } } },
    }).then(async (parts) => {
      publish(parts.registry);
      await parts.client.resolve(app);
      return parts;
    });
    expect(registry.requests.map(({ status }) => status)).to.deep.equal([200]);
  });

  it('does not trust a registry more because it is insecure elsewhere', async () => {
    const { client } = await setUp('https', { client: { tls: {}, insecure: ['other.test:5000'] } });
    expect(await rejection(client.resolve(app))).to.have.property('code', 'REGISTRY_UNREACHABLE');
  });

  it('does not check the certificate of an insecure registry', async () => {
    const { registry, client } = await setUp('https', { client: { tls: {}, insecure: [named] } });
    publish(registry);
    await client.resolve(app);
  });

  it('gives up on a proxy that says nothing', async () => {
    const { client, proxy } = await setUp('https', {
      proxy: { silent: true },
      client: { timeouts: { connect: 100 }, retry: { attempts: 1 } },
    });
    const error = await rejection(client.resolve(app));
    expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
    expect(error.message).to.match(/did not answer in time/);
    expect(proxy.requests).to.deep.equal([`CONNECT ${named}`]);
  });

  it('ends with an abort while the proxy says nothing', async () => {
    const { client } = await setUp('https', { proxy: { silent: true } });
    const controller = new AbortController();
    const reason = new Error('enough');
    const resolving = client.resolve(app, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    expect(await rejection(resolving)).to.equal(reason);
  });

  it('uploads a body of another length as little as without a proxy', async () => {
    const { registry, client } = await setUp('https');
    const bytes = randomBytes(1000);
    const short = async (): Promise<Readable> => Readable.from([bytes.subarray(1)], { objectMode: false });
    expect(await rejection(client.sink(app).put(layer(bytes), short))).to.have.property(
      'code',
      'SIZE_MISMATCH',
    );
    expect(registry.blob('team/app', digestOf(bytes))).to.equal(undefined);
  });

  it('is fit for a proxy that is reached over TLS only where its certificate is trusted', async () => {
    const { client, proxy } = await setUp('https', { proxy: { tls: authority.issue('IP:127.0.0.1') } });
    const error = await rejection(client.resolve(app));
    expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
    expect(proxy.requests).to.deep.equal([]);
  });
});
