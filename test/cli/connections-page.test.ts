import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { mediaTypes } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runProgram } from '../../packages/cli/src/program.ts';
import { type Authority, makeAuthority } from '../support/certificates.ts';
import { type ConnectProxy, type ConnectProxyOptions, startConnectProxy } from '../support/connect-proxy.ts';
import { fakeIo } from '../support/io.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('docs/connections.md', () => {
  let page: string;
  let authority: Authority;
  let directory: string;
  const open: { close(): Promise<void> }[] = [];
  before(async () => {
    page = await readFile(join(repositoryRoot, 'docs/connections.md'), 'utf8');
    authority = makeAuthority();
  });
  after(() => authority.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-connections-'));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((part) => part.close()));
    await rm(directory, { recursive: true });
  });

  async function serve(options: TestRegistryOptions): Promise<TestRegistry> {
    const registry = await startTestRegistry({ strict: false, ...options });
    open.push(registry);
    for (const repository of ['team/app', 'library/app']) {
      const manifest = Buffer.from('{"schemaVersion":2}');
      registry.addManifest(repository, 'latest', mediaTypes.ociManifest, manifest);
    }
    return registry;
  }

  async function passOn(options: ConnectProxyOptions): Promise<ConnectProxy> {
    const proxy = await startConnectProxy(options);
    open.push(proxy);
    return proxy;
  }

  /** The page's configuration, with certificates where it says that they are. */
  async function writeConfiguration(): Promise<void> {
    const [, name = '', text = ''] = /^```yaml file=(\S+)\n([\s\S]*?)^```$/m.exec(page) ?? [];
    await writeFile(join(directory, name), text);
    const { cert, key } = authority.issue('DNS:me');
    await mkdir(join(directory, 'certs'));
    await writeFile(join(directory, 'certs/ca.pem'), authority.ca);
    await writeFile(join(directory, 'certs/client.pem'), cert);
    await writeFile(join(directory, 'certs/client.key'), key);
  }

  async function run(argv: readonly string[], environment: Readonly<Record<string, string>>) {
    const world = fakeIo({ workingDirectory: directory, environment: { HOME: directory, ...environment } });
    const code = await runProgram(world.io, argv);
    await tick();
    return { code, stdout: world.stdout(), stderr: world.stderr() };
  }

  it('shows a configuration for client certificates, and a command that goes through a proxy', async () => {
    await writeConfiguration();
    const tls = { ...authority.issue('DNS:registry.example'), clientCa: authority.ca };
    const registry = await serve({ tls });
    const proxy = await passOn({ hosts: { 'registry.example:5000': registry.host } });
    const [, line = '', expected = ''] = /^```console\n\$ (.*)\n(.*)\n```$/m.exec(page) ?? [];
    const words = line.replace('proxy.example:3128', proxy.host).split(' ');
    const variables = words.slice(0, words.indexOf('mabuild')).map((word) => word.split('='));
    const argv = words.slice(words.indexOf('mabuild') + 1);
    const { code, stdout, stderr } = await run(argv, Object.fromEntries(variables));
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect(stdout.slice(0, 7)).to.equal(expected.slice(0, 7));
    expect(proxy.requests).to.deep.equal(['CONNECT registry.example:5000']);
    expect(registry.requests).to.have.length(1);
  });

  it('shows a configuration for mirrors', async () => {
    await writeConfiguration();
    const mirror = await serve({});
    const proxy = await passOn({ hosts: { 'mirror.example:5000': mirror.host } });
    const { code } = await run(['digest', 'app'], { http_proxy: proxy.host });
    expect(code).to.equal(0);
    expect(mirror.requests).to.have.length(1);
  });

  it('shows a configuration for hosts whose certificate is not checked', async () => {
    await writeConfiguration();
    const attic = await serve({ tls: authority.issue('DNS:other.example') });
    const proxy = await passOn({ hosts: { 'attic.example:443': attic.host } });
    const { code } = await run(['digest', 'attic.example/team/app'], { HTTPS_PROXY: proxy.host });
    expect(code).to.equal(0);
  });

  it('names the folders of certs.d', async () => {
    const registry = await serve({ tls: authority.issue('DNS:registry.example') });
    const proxy = await passOn({ hosts: { 'registry.example:443': registry.host } });
    const environment = { https_proxy: `http://${proxy.host}` };
    const argv = ['digest', 'registry.example/team/app'];
    const before = await run(argv, environment);
    expect(before.code).to.equal(3);
    expect(before.stderr).to.match(/nobody trusted here vouches for its certificate/);
    const folder = join(directory, '.config/containers/certs.d/registry.example');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'ca.crt'), authority.ca);
    expect(await run(argv, environment)).to.include({ code: 0, stderr: '' });
    await writeFile(join(folder, 'me.cert'), authority.ca);
    const after = await run(argv, environment);
    expect(after.code).to.equal(2);
    expect(after.stderr).to.match(/there is me\.cert and no me\.key \(CERTIFICATES_INVALID\)\nhint: /);
  });

  it('says that the authorities of the machine are trusted', async () => {
    const registry = await serve({ tls: authority.issue('DNS:registry.example') });
    const proxy = await passOn({ hosts: { 'registry.example:443': registry.host } });
    const bundle = join(directory, 'bundle.pem');
    await writeFile(bundle, `# of this company\n${authority.ca}`);
    const argv = ['digest', 'registry.example/team/app'];
    const environment = { HTTPS_PROXY: proxy.host, SSL_CERT_FILE: bundle };
    expect(await run(argv, environment)).to.include({ code: 0, stderr: '' });
  });

  it('shows how a wait is told', async () => {
    const [, line = ''] = /^```text\n(warning: .*)\n```$/m.exec(page) ?? [];
    const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' };
    const registry = await serve({ faults: [{ status: 429, headers, retryAfter: 0 }] });
    const { code, stderr } = await run(['digest', `${registry.host}/team/app`], {});
    expect(code).to.equal(0);
    const told = line
      .replaceAll('registry.example:5000', registry.host)
      .replace('60.0 s, though the registry asks for 3600.0 s', '0.0 s, as the registry asks');
    expect(stderr).to.equal(`${told}\n`);
  });

  it('says that no secrets are shown', async () => {
    const registry = await serve({ auth: { kind: 'basic', username: 'ci', password: 'hush-registry' } });
    const proxy = await passOn({ user: 'me:hush-other' });
    const auth = Buffer.from('ci:hush-wrong').toString('base64');
    await mkdir(join(directory, '.docker'));
    const auths = { [registry.host]: { auth }, 'registry.example': { auth } };
    await writeFile(join(directory, '.docker/config.json'), JSON.stringify({ auths }));
    const environment = { HTTPS_PROXY: `http://me:hush-proxy@${proxy.host}` };
    for (const name of [`${registry.host}/team/app`, 'registry.example/team/app']) {
      for (const format of [[], ['--format', 'json']]) {
        const { code, stdout, stderr } = await run(['inspect', '--debug', ...format, name], environment);
        expect(code, stderr).to.equal(3);
        expect(`${stdout}${stderr}`).to.not.match(/hush/).and.not.contain(auth);
      }
    }
    expect(proxy.requests).to.include('CONNECT registry.example:443');
  });
});
