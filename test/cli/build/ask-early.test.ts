import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MabuildError, parseReference } from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { askEarly } from '../../../packages/cli/src/sdk/build/ask-early.ts';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { runCli } from '../../support/cli-run.ts';
import { writeContext } from '../../support/embedded-builds.ts';

describe('build --push to a registry that will not', () => {
  let work = '';
  let authority: Authority;
  let endless: Server;
  before(() => {
    authority = makeAuthority();
  });
  after(() => authority.close());
  const open: { close(): Promise<void> }[] = [];
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-asked-'));
    // What is added from here never comes: a build that nobody stops does not end.
    endless = createServer(() => undefined);
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    const { port } = endless.address() as AddressInfo;
    await writeContext(join(work, 'context'), {
      Dockerfile: `FROM scratch\nADD http://127.0.0.1:${port}/endless /endless\n`,
      'Dockerfile.short': 'FROM scratch\nCOPY Dockerfile /\n',
    });
  });
  afterEach(async () => {
    for (const closable of open.splice(0)) await closable.close();
    endless.closeAllConnections();
    await new Promise((resolve) => endless.close(resolve));
    await rm(work, { recursive: true, force: true });
  });

  async function start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const registry = await startTestRegistry(options);
    open.push(registry);
    return registry;
  }
  const build = (args: readonly string[]) =>
    runCli(
      work,
      [
        'build',
        '--engine',
        'embedded',
        '--platform',
        'linux/amd64,linux/arm64',
        ...args,
        join(work, 'context'),
      ],
      { PATH: process.env.PATH ?? '' },
    );

  const auth = { kind: 'basic', username: 'ci', password: 'hush' } as const;
  const anonymous = { ...auth, kind: 'token', anonymousPull: true, readableTokens: true } as const;
  const rows: readonly (readonly [string, () => TestRegistryOptions | 'closed', RegExp, RegExp])[] = [
    ['is not there', () => 'closed', /REGISTRY_UNREACHABLE/, /spelt right, running and reachable from here/],
    ['wants to know who is there', () => ({ auth }), /REGISTRY_UNAUTHORIZED/, /sign in with "mabuild login /],
    [
      'gives rights to read only',
      () => ({ auth: anonymous }),
      /REGISTRY_DENIED/,
      /as a user who may push there/,
    ],
    [
      'nobody vouches for',
      () => ({ tls: authority.issue('IP:127.0.0.1') }),
      /REGISTRY_UNREACHABLE/,
      /certificate authority of .*certs\.d.*insecure: true/,
    ],
  ];
  for (const [title, options, code, hint] of rows) {
    it(`${title} stops in its middle`, async () => {
      const how = options();
      const registry = await start(how === 'closed' ? {} : how);
      if (how === 'closed') await registry.close();
      const { code: exitCode, stderr } = await build(['--push', '-t', `${registry.host}/app:1`]);
      expect(exitCode, stderr).to.equal(3);
      expect(stderr).to.match(/^error: .*/m);
      expect(stderr).to.match(code);
      expect(stderr).to.match(hint);
    });
  }

  it('is asked for the cache, too', async () => {
    const registry = await start({ auth });
    const { code, stderr } = await build(['--cache-to', `${registry.host}/app:cache`, '-o', 'oci:image']);
    expect(code, stderr).to.equal(3);
    expect(stderr).to.match(/REGISTRY_UNAUTHORIZED/);
  });

  it('is asked once a host, and nobody when nothing is pushed', async () => {
    const [one, two] = [await start(), await start()];
    const tags = [`${one.host}/app:1`, `${one.host}/app:2`, `${two.host}/app:1`].flatMap((tag) => [
      '-t',
      tag,
    ]);
    const short = ['-f', join(work, 'context/Dockerfile.short'), ...tags];
    const heads = ({ requests }: TestRegistry): readonly string[] =>
      requests.filter(({ method }) => method === 'HEAD').map(({ url }) => url);
    await build([...short, '-o', 'oci:image']);
    expect([...heads(one), ...heads(two)]).to.deep.equal([]);
    expect((await build([...short, '--push'])).code).to.equal(0);
    const [ones, twos] = [heads(one).length, heads(two).length];
    expect(heads(one)[0]).to.equal('/v2/app/manifests/1');
    expect(heads(two)[0]).to.equal('/v2/app/manifests/1');
    // Where everything is there, the early question is the only one about its tag.
    expect((await build([...short, '--push'])).code).to.equal(0);
    expect(heads(one).slice(ones)).to.deep.equal(['/v2/app/manifests/1', '/v2/app/manifests/2']);
    expect(heads(two).slice(twos)).to.deep.equal(['/v2/app/manifests/1']);
  });

  it('is pushed to all the same when it is in trouble that may pass', async () => {
    const registry = await start({ faults: [{ status: 503, times: 1 }] });
    const { code, stderr } = await build([
      ...['-f', join(work, 'context/Dockerfile.short'), '--push', '-t', `${registry.host}/app:1`],
    ]);
    expect(code, stderr).to.equal(0);
    expect(registry.tagOf('app', '1')).to.match(/^sha256:/);
  });

  it('is not what a build that fails by itself is told of', async () => {
    const registry = await start();
    await writeContext(join(work, 'context'), { 'Dockerfile.short': 'FROM scratch\nCOPY nothing /\n' });
    const { code, stderr } = await build([
      ...['-f', join(work, 'context/Dockerfile.short'), '--push', '-t', `${registry.host}/app:1`],
    ]);
    expect(code, stderr).to.equal(1);
    expect(stderr).to.match(/BUILD_FAILED/);
  });
});

describe('askEarly', () => {
  const refusing = (code: string): RegistryClient =>
    ({
      askToPush: async () => {
        throw new MabuildError('refused', { code, hint: 'sign in' });
      },
    }) as unknown as RegistryClient;
  const rows: readonly (readonly [string, string, RegExp | undefined])[] = [
    [
      'app:1',
      'REGISTRY_UNAUTHORIZED',
      /app alone is one of Docker's own images: .* -t USER\/app or -t ghcr\.io\/USER\/app/,
    ],
    ['app:1', 'REGISTRY_DENIED', /Docker's own/],
    ['app:1', 'REGISTRY_UNREACHABLE', /^sign in$/],
    ['me/app:1', 'REGISTRY_UNAUTHORIZED', /^sign in$/],
    ['h.example/library/app:1', 'REGISTRY_DENIED', /^sign in$/],
    ['me/app:1', 'CREDENTIAL_HELPER_FAILED', /^sign in$/],
    ['me/app:1', 'REGISTRY_ERROR', undefined],
    ['me/app:1', 'REGISTRY_RATE_LIMITED', undefined],
  ];
  for (const [name, code, hint] of rows) {
    it(`${hint === undefined ? 'goes on' : 'stops'} when ${name} is answered with ${code}`, async () => {
      const stop = new AbortController();
      const asked = askEarly([parseReference(name)], { registry: refusing(code), stop });
      const error = await asked.wait().catch((thrown: unknown) => thrown as { hint?: string });
      await asked.close();
      expect(stop.signal.aborted).to.equal(hint !== undefined);
      if (hint) expect(error?.hint).to.match(hint);
    });
  }

  it('minds no failure when nobody waits any more', async () => {
    const stop = new AbortController();
    const registry = {
      askToPush: (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    } as unknown as RegistryClient;
    await askEarly([parseReference('me/app')], { registry, stop }).close();
    expect(stop.signal.aborted).to.equal(false);
  });
});
