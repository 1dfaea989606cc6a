import { buffer } from 'node:stream/consumers';
import { type Credential, type CredentialSource, copyImage } from '@mabuild/oci';
import {
  createRegistryClient,
  firstCredential,
  type RegistryClient,
  type RegistryOptions,
  staticCredentials,
} from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { Authenticator } from '../../../packages/registry/src/access/auth.ts';
import type { CallRequest } from '../../../packages/registry/src/http/transport.ts';
import { closedAfterEach } from '../../support/closed-after-each.ts';
import { makeIndex, pushImage } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';

const user = { username: 'ci', password: 'hush' } as const;
const basic: Credential = { kind: 'basic', ...user };

describe('registry/static-credentials', () => {
  const known = staticCredentials({
    'r.example': user,
    'r.example/team': { kind: 'registry-token', token: 't' },
    'docker.io': { kind: 'identity-token', token: 'i' },
  });
  const rows: readonly (readonly [string, string | undefined, Credential | undefined])[] = [
    ['r.example', undefined, basic],
    ['r.example', 'app', basic],
    ['r.example', 'teams/app', basic],
    ['r.example', 'team/app', { kind: 'registry-token', token: 't' }],
    ['index.docker.io', 'library/node', { kind: 'identity-token', token: 'i' }],
    ['s.example', 'team/app', undefined],
    ['constructor', undefined, undefined],
  ];
  for (const [host, repository, credential] of rows) {
    it(`have ${credential?.kind ?? 'nothing'} for ${host} ${repository ?? ''}`, async () => {
      expect(await known.credentialFor(host, { repository })).to.deep.equal(credential);
    });
  }

  it('are asked in turn', async () => {
    const first = firstCredential([
      staticCredentials({ 's.example': { username: 's', password: 's' } }),
      known,
    ]);
    expect(await first.credentialFor('r.example')).to.deep.equal(basic);
    expect(await first.credentialFor('s.example')).to.include({ username: 's' });
    expect(await first.credentialFor('t.example')).to.equal(undefined);
  });
});

describe('registry/auth', () => {
  const keep = closedAfterEach();

  async function start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    return keep(await startTestRegistry(options));
  }
  function clientWith(credentials: CredentialSource, options: RegistryOptions = {}): RegistryClient {
    const client = keep(createRegistryClient({ credentials, retry: { baseDelay: 1 }, ...options }));
    return client;
  }
  const at = (registry: TestRegistry, repository = 'app') => ({ registry: registry.host, repository });
  const tokenRequests = ({ requests }: TestRegistry) =>
    requests.filter(({ url }) => url.startsWith('/token'));

  const challenges: readonly (readonly [string, string])[] = [
    ['basic after a scheme that nobody knows', 'Negotiate, Basic realm="r"'],
    ['basic beside a bearer without a realm', 'Bearer scope="x", Basic realm="r"'],
    ['basic in capitals', 'BASIC realm="r"'],
  ];
  for (const [name, challenge] of challenges) {
    it(`takes ${name}`, async () => {
      const registry = await start({ auth: { kind: 'basic', ...user, challenge } });
      await clientWith(staticCredentials({ [registry.host]: user })).signIn(registry.host);
    });
  }

  it('takes bearer where several ways stand in one header', async () => {
    const registry = await start({ auth: { kind: 'token', ...user } });
    const realm = `Basic realm="r", Bearer realm="${registry.url}/token",service="test", Digest nonce="x"`;
    registry.faults.push({ url: /^\/v2\/$/, status: 401, headers: { 'www-authenticate': realm } });
    await clientWith(staticCredentials({ [registry.host]: user })).signIn(registry.host);
    expect(tokenRequests(registry)).to.have.length(1);
  });

  it('asks for the credential of the repository, and of both where blobs are mounted', async () => {
    const registry = await start({ auth: { kind: 'token', ...user } });
    const asked: (string | undefined)[] = [];
    const client = clientWith({
      async credentialFor(_host, { repository } = {}) {
        asked.push(repository);
        return repository?.startsWith('team/') === true ? basic : undefined;
      },
    });
    await pushImage(client.sink(at(registry, 'team/app')), makeIndex(['linux/arm64']), '1');
    const refused = await rejection(
      pushImage(client.sink(at(registry, 'app')), makeIndex(['linux/arm64']), '1'),
    );
    expect(refused).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
    const source = await client.resolve({ ...at(registry, 'team/app'), tag: '1' });
    await copyImage(source, client.sink(at(registry, 'team/copy')), { tags: ['1'] });
    expect(new Set(asked)).to.deep.equal(new Set(['team/app', 'app', 'team/copy']));
    expect(asked.filter((repository) => repository === 'team/app')).to.have.length(1);
  });

  it('asks for a token once, however many wait for it', async () => {
    const registry = await start({ auth: { kind: 'token', ...user } });
    registry.addManifest('app', '1', 'application/vnd.oci.image.manifest.v1+json', Buffer.from('{}'));
    const client = clientWith(staticCredentials({ [registry.host]: user }));
    await Promise.all(Array.from({ length: 20 }, () => client.resolve({ ...at(registry), tag: '1' })));
    expect(tokenRequests(registry)).to.have.length(1);
  });

  it('goes on with a fresh token when all were made worthless in mid-push, more than once', async () => {
    const registry = await start({ auth: { kind: 'token', ...user } });
    const client = clientWith(staticCredentials({ [registry.host]: user }));
    const first = makeIndex(['linux/amd64', 'linux/arm64']);
    await pushImage(client.sink(at(registry, 'from')), first, '1');
    // There are tokens for several sets of scopes by now: pulling, pushing, mounting.
    await copyImage(await client.resolve({ ...at(registry, 'from'), tag: '1' }), client.sink(at(registry)), {
      tags: ['1'],
    });
    for (const phase of ['upload-begin', 'upload-put', 'manifest-put'] as const) {
      registry.faults.push({ phase, expireTokens: true }, { phase, skip: 2, expireTokens: true });
    }
    const second = makeIndex(['linux/amd64', 'linux/arm64', 'linux/arm/v7'], 50_000);
    await copyImage(second.source, client.sink(at(registry)), { tags: ['2'], jobs: 1 });
    expect(registry.faults).to.deep.equal([]);
    expect(registry.tagOf('app', '2')).to.equal(second.root.digest);
    const source = await client.resolve({ ...at(registry), tag: '2' });
    registry.expireTokens();
    for (const { descriptor, bytes } of second.contents) {
      expect((await buffer(await source.read(descriptor))).equals(bytes)).to.equal(true);
    }
  });

  it('asks its source again when a password does no more', async () => {
    const registry = await start({ auth: { kind: 'basic', ...user } });
    let password: string = user.password;
    let asked = 0;
    const client = clientWith({
      async credentialFor() {
        asked += 1;
        return { kind: 'basic', username: user.username, password };
      },
    });
    await client.signIn(registry.host);
    await client.signIn(registry.host);
    expect(asked).to.equal(1);
    password = 'wrong by now';
    await client.signIn(registry.host);
    expect(asked).to.equal(1);
    registry.faults.push({
      url: /^\/v2\/$/,
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="r"' },
    });
    await rejection(client.signIn(registry.host));
    password = user.password;
    await client.signIn(registry.host);
  });

  describe('as a unit', () => {
    const origin = new URL('https://r.example');
    const token = (value: string, more: object = {}) => ({
      status: 200,
      header: () => undefined,
      bytes: Buffer.from(JSON.stringify({ token: value, ...more })),
    });
    function authenticator(
      credential: Credential | undefined,
      call: (request: CallRequest) => Promise<ReturnType<typeof token>>,
    ): Authenticator {
      const credentials = { credentialFor: async () => credential };
      return new Authenticator({ host: 'r.example', credentials, insecure: false, call });
    }
    const bearer = (realm: string): string => `Bearer realm="${realm}",service="s"`;
    const scopes = ['repository:app:pull'];

    const realms: readonly (readonly [string, string, RegExp])[] = [
      ['loopback', 'http://127.0.0.1/token', /private address/],
      ['localhost', 'https://localhost/token', /private address/],
      ['an address of a cloud', 'http://169.254.169.254/latest', /private address/],
      ['a network of its own', 'https://10.0.0.1/token', /private address/],
      ['IPv6 of its own', 'https://[fd00::1]/token', /private address/],
      ['an address in hexadecimal', 'https://0x7f000001/token', /private address/],
      ['another protocol', 'file:///etc/passwd', /private address/],
      ['no address', 'https://', /not a URL/],
      ['plain http', 'http://auth.example/token', /over plain http/],
    ];
    for (const [name, realm, message] of realms) {
      it(`sends nothing to a realm that is ${name}`, async () => {
        let calls = 0;
        const auth = authenticator(basic, async () => {
          calls += 1;
          return token('t');
        });
        const error = await rejection(auth.challenged(origin, bearer(realm), undefined, scopes));
        expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
        expect(error.message).to.match(message).and.not.contain(user.password);
        expect(calls).to.equal(0);
      });
    }

    it('sends no password over plain http, now or at the next request', async () => {
      const auth = authenticator(basic, async () => token('t'));
      const plain = new URL('http://r.example');
      const error = await rejection(auth.challenged(plain, 'Basic realm="r"', undefined, scopes));
      expect(error.message).to.match(/would take the password over plain http/);
      expect(await auth.authorization(scopes)).to.equal(undefined);
    });

    it('sends a registry token as it is, and asks no realm', async () => {
      const auth = authenticator({ kind: 'registry-token', token: 'mine' }, async () => token('t'));
      expect(await auth.challenged(origin, bearer('https://auth.example/'), undefined, scopes)).to.equal(
        true,
      );
      expect(await auth.authorization(scopes)).to.equal('Bearer mine');
      expect(await auth.challenged(origin, bearer('https://auth.example/'), 'Bearer mine', scopes)).to.equal(
        false,
      );
    });

    it('renews a refresh token that was exchanged for another', async () => {
      const sent: string[] = [];
      const auth = authenticator({ kind: 'identity-token', token: 'one' }, async ({ method, url, body }) => {
        expect(method).to.equal('POST');
        expect(url.search).to.equal('');
        const form = new URLSearchParams(String(body));
        sent.push(`${form.get('grant_type')} ${form.get('refresh_token')} ${form.get('scope')}`);
        return token(`t${sent.length}`, { refresh_token: 'two' });
      });
      await auth.challenged(origin, bearer('https://auth.example/'), undefined, ['repository:a:pull']);
      expect(await auth.authorization(['repository:a:push'])).to.equal('Bearer t2');
      expect(sent).to.deep.equal([
        'refresh_token one repository:a:pull',
        'refresh_token two repository:a:push',
      ]);
    });

    it('is anonymous without a credential', async () => {
      const auth = authenticator(undefined, async ({ url, headers }) => {
        expect(headers).to.deep.equal({});
        expect(url.href).to.equal('https://auth.example/?service=s&scope=repository%3Aapp%3Apull');
        return token('t');
      });
      expect(await auth.challenged(origin, bearer('https://auth.example/'), undefined, scopes)).to.equal(
        true,
      );
    });

    it('asks for a new token when one is short of life', async () => {
      let given = 0;
      const auth = authenticator(basic, async () => {
        given += 1;
        return token(`t${given}`, { expires_in: 0.02 });
      });
      await auth.challenged(origin, bearer('https://auth.example/'), undefined, scopes);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(await auth.authorization(scopes)).to.equal('Bearer t2');
    });

    it('goes on when the caller that everybody waits for gives up', async () => {
      const controller = new AbortController();
      let calls = 0;
      const auth = authenticator(basic, ({ signal }) => {
        calls += 1;
        if (calls > 1) return Promise.resolve(token('t2'));
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
        });
      });
      const header = bearer('https://auth.example/');
      const first = auth.challenged(origin, header, undefined, scopes, controller.signal);
      const second = auth.challenged(origin, header, undefined, scopes);
      const reason = new Error('enough');
      setTimeout(() => controller.abort(reason), 5);
      expect(await rejection(first)).to.equal(reason);
      expect(await second).to.equal(true);
      expect(await auth.authorization(scopes)).to.equal('Bearer t2');
    });

    const answers: readonly (readonly [string, string])[] = [
      ['no JSON', 'hush'],
      ['an array', '["hush"]'],
      ['null', 'null'],
      ['a number', '{"token":7}'],
      ['an empty token', '{"token":"","access_token":""}'],
      ['a token of two lines', '{"token":"hu\\nsh"}'],
      ['a token of 2 MiB', JSON.stringify({ token: 'h'.repeat(2 * 1024 * 1024) })],
    ];
    for (const [name, body] of answers) {
      it(`refuses a token server that answers ${name}`, async () => {
        const auth = authenticator(basic, async () => ({ ...token(''), bytes: Buffer.from(body) }));
        const error = await rejection(
          auth.challenged(origin, bearer('https://auth.example/?x=hush'), undefined, scopes),
        );
        expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
        expect(error.message).to.equal(
          'signing in to r.example: https://auth.example/ gave no token in its answer',
        );
      });
    }
  });

  it('tells nobody the password', async () => {
    const registry = await start({ auth: { kind: 'token', ...user } });
    const events: unknown[] = [];
    const client = clientWith(staticCredentials({ [registry.host]: user }), {
      onEvent: (event) => events.push(event),
    });
    registry.faults.push({ url: /^\/token/, status: 503 }, { url: /^\/v2\/$/, skip: 1, status: 502 });
    await client.signIn(registry.host);
    registry.faults.push({ url: /^\/v2\/$/, status: 403, times: 9 });
    const error = await rejection(client.signIn(registry.host));
    const encoded = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    const tokens = registry.requests
      .map(({ headers }) => headers.authorization?.split(' ')[1])
      .filter(Boolean);
    const told = JSON.stringify([events, error, error.message, error.stack, String(error.cause)]);
    for (const secret of [user.password, encoded, ...tokens]) expect(told).to.not.contain(String(secret));
    expect(events).to.have.length.greaterThan(1);
  });

  it('leaves credentials behind when it is sent elsewhere', async () => {
    const elsewhere = await start();
    const registry = await start({ auth: { kind: 'basic', ...user } });
    const bytes = Buffer.from('blob');
    const digest = registry.addBlob('app', bytes);
    elsewhere.addBlob('app', bytes);
    const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: bytes.length };
    registry.addManifest('app', '1', manifest.mediaType, Buffer.from('{}'));
    const client = clientWith(staticCredentials({ [registry.host]: user, [elsewhere.host]: user }));
    const source = await client.resolve({ ...at(registry), tag: '1' });
    registry.faults.push({
      url: /\/blobs\//,
      skip: 0,
      status: 307,
      headers: { location: `${elsewhere.url}/v2/app/blobs/${digest}` },
    });
    const blob = { mediaType: 'application/octet-stream', digest, size: bytes.length };
    expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
    expect(elsewhere.requests.map(({ headers }) => headers.authorization)).to.deep.equal([undefined]);
  });
});
