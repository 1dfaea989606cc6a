import { createRegistryClient, type RegistryOptions, staticCredentials } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { closedAfterEach } from '../../support/closed-after-each.ts';
import { makeIndex, pushImage } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/ask-to-push', () => {
  const user = { username: 'ci', password: 'hush' } as const;
  const basic = { kind: 'basic', ...user } as const;
  const token = { kind: 'token', ...user } as const;
  const keep = closedAfterEach();

  async function start(options: TestRegistryOptions): Promise<TestRegistry> {
    return keep(await startTestRegistry(options));
  }
  async function ask(
    registry: TestRegistry,
    password?: string,
    options: RegistryOptions = {},
    patience?: number,
  ) {
    const credentials =
      password === undefined ? undefined : staticCredentials({ [registry.host]: { ...user, password } });
    const client = keep(createRegistryClient({ credentials, retry: { baseDelay: 1 }, ...options }));
    return await client.askToPush({ registry: registry.host, repository: 'app', tag: '1' }, { patience });
  }

  const answered: readonly (readonly [string, TestRegistryOptions, string | undefined, readonly string[]])[] =
    [
      ['everybody', {}, undefined, ['HEAD /v2/app/manifests/1']],
      ['a password', { auth: basic }, 'hush', ['HEAD /v2/app/manifests/1', 'HEAD /v2/app/manifests/1']],
      ['a token', { auth: { ...token, readableTokens: true } }, 'hush', ['HEAD', '/token', 'HEAD']],
      ['a token that nobody can read', { auth: token }, 'hush', ['HEAD', '/token', 'HEAD']],
    ];
  for (const [title, options, password, requests] of answered) {
    it(`asks one question of a registry that takes ${title}`, async () => {
      const registry = await start(options);
      expect(await ask(registry, password)).to.equal(undefined);
      expect(registry.requests).to.have.length(requests.length);
      registry.requests.forEach(({ method, url }, index) => {
        expect(`${method} ${url}`).to.include(requests[index]);
      });
    });
  }

  it('says what the tag points at', async () => {
    const registry = await start({});
    const image = makeIndex(['linux/arm64']);
    const client = keep(createRegistryClient());
    await pushImage(client.sink({ registry: registry.host, repository: 'app' }), image, '1');
    expect((await ask(registry))?.digest).to.equal(image.root.digest);
  });

  interface Row {
    readonly title: string;
    readonly registry: TestRegistryOptions;
    readonly password?: string;
    readonly patience?: number;
    readonly code: string;
    readonly message: RegExp;
    readonly hint: RegExp;
  }
  const hang = { hang: true, times: Number.POSITIVE_INFINITY } as const;
  const refused: readonly Row[] = [
    {
      ...{ title: 'nobody signed in', registry: { auth: basic } },
      ...{ code: 'REGISTRY_UNAUTHORIZED', message: /answered 401/, hint: /mabuild login 127\.0\.0\.1:/ },
    },
    {
      ...{ title: 'a wrong password', registry: { auth: basic }, password: 'wrong' },
      ...{ code: 'REGISTRY_UNAUTHORIZED', message: /answered 401/, hint: /mabuild login 127\.0\.0\.1:/ },
    },
    {
      ...{
        title: 'a password that the token server does not take',
        registry: { auth: token },
        password: 'wrong',
      },
      ...{ code: 'REGISTRY_UNAUTHORIZED', message: /signing in to/, hint: /mabuild login/ },
    },
    {
      ...{
        title: 'a token for reading',
        registry: { auth: { ...token, anonymousPull: true, readableTokens: true } },
      },
      code: 'REGISTRY_DENIED',
      message: /asking to push to 127\.0\.0\.1:\d+\/app: 127\.0\.0\.1:\d+ allows pull, and no push/,
      hint: /sign in with "mabuild login 127\.0\.0\.1:\d+" as a user who may push there/,
    },
    {
      ...{ title: 'silence', registry: { faults: [hang] }, patience: 50 },
      ...{
        code: 'REGISTRY_UNREACHABLE',
        message: /gave no answer in 0\.05 s/,
        hint: /spelt right, running and reachable/,
      },
    },
    {
      ...{ title: 'trouble', registry: { faults: [{ status: 503, times: Number.POSITIVE_INFINITY }] } },
      ...{ code: 'REGISTRY_ERROR', message: /answered 503/, hint: /in trouble/ },
    },
  ];
  for (const { title, registry: options, password, patience, code, message, hint } of refused) {
    it(`tells of ${title}`, async () => {
      const registry = await start(options);
      const error = await rejection(ask(registry, password, {}, patience));
      expect(error.code).to.equal(code);
      expect(error.message).to.match(message);
      expect((error as { hint?: string }).hint).to.match(hint);
    });
  }

  it('takes silence after an answer for trouble', async () => {
    const registry = await start({});
    const client = keep(createRegistryClient());
    const app = { registry: registry.host, repository: 'app' };
    await client.askToPush(app);
    registry.faults.push(hang);
    expect((await rejection(client.askToPush(app, { patience: 50 }))).code).to.equal('REGISTRY_ERROR');
  });

  it('gives up when its caller does', async () => {
    const registry = await start({ faults: [hang] });
    const stop = new AbortController();
    const client = keep(createRegistryClient());
    const asked = client.askToPush({ registry: registry.host, repository: 'app' }, { signal: stop.signal });
    stop.abort(new Error('enough'));
    expect((await rejection(asked)).message).to.equal('enough');
  });
});
