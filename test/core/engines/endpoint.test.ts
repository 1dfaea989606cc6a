import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { type EndpointRequest, engineCandidates } from '../../../packages/core/src/engines/endpoint.ts';

const home = '/home/me';

function find(environment: Record<string, string>, more: Partial<EndpointRequest> = {}) {
  return engineCandidates({ environment, homeDirectory: home, platform: 'linux', ...more });
}

describe('engine endpoints', () => {
  let config: string;
  before(async () => {
    config = await mkdtemp(join(tmpdir(), 'mabuild-endpoint-'));
    const context = async (name: string, docker: object | undefined, tls: Record<string, string> = {}) => {
      const id = createHash('sha256').update(name).digest('hex');
      const meta = join(config, 'contexts/meta', id);
      await mkdir(meta, { recursive: true });
      await writeFile(
        join(meta, 'meta.json'),
        JSON.stringify({ Name: name, Endpoints: docker ? { docker } : {} }),
      );
      const files = join(config, 'contexts/tls', id, 'docker');
      if (Object.keys(tls).length > 0) await mkdir(files, { recursive: true });
      for (const [file, text] of Object.entries(tls)) await writeFile(join(files, file), text);
    };
    await context('desk', { Host: 'unix:///run/desk.sock' });
    await context(
      'board',
      { Host: 'tcp://board:2376', SkipTLSVerify: false },
      { 'ca.pem': 'CA', 'cert.pem': 'C', 'key.pem': 'K' },
    );
    await context('lab', { Host: 'tcp://lab:2375' });
    await context('cluster', undefined);
    const broken = join(config, 'contexts/meta', createHash('sha256').update('broken').digest('hex'));
    await mkdir(broken, { recursive: true });
    await writeFile(join(broken, 'meta.json'), '{"Name":');
    await writeFile(join(config, 'ca.pem'), 'CA');
  });
  after(() => rm(config, { recursive: true, force: true }));

  const hosts: readonly [host: string, endpoint: string, address: object][] = [
    [
      'unix:///var/run/docker.sock',
      'unix:///var/run/docker.sock',
      { kind: 'socket', path: '/var/run/docker.sock' },
    ],
    ['/run/d.sock', 'unix:///run/d.sock', { kind: 'socket', path: '/run/d.sock' }],
    [
      'npipe:////./pipe/docker_engine',
      'npipe:////./pipe/docker_engine',
      { kind: 'socket', path: '\\\\.\\pipe\\docker_engine' },
    ],
    ['tcp://board:2375', 'tcp://board:2375', { kind: 'tcp', host: 'board', port: 2375 }],
    ['tcp://board', 'tcp://board:2375', { kind: 'tcp', host: 'board', port: 2375 }],
    ['tcp://board:80', 'tcp://board:80', { kind: 'tcp', host: 'board', port: 80 }],
    ['tcp://board:80/', 'tcp://board:80', { kind: 'tcp', host: 'board', port: 80 }],
    ['tcp://[::1]:2375', 'tcp://[::1]:2375', { kind: 'tcp', host: '::1', port: 2375 }],
    ['http://board:1234', 'tcp://board:1234', { kind: 'tcp', host: 'board', port: 1234 }],
    ['board:1234', 'tcp://board:1234', { kind: 'tcp', host: 'board', port: 1234 }],
    ['tcp://me:secret@board:2375', 'tcp://board:2375', { kind: 'tcp', host: 'board', port: 2375 }],
  ];
  for (const [host, endpoint, address] of hosts)
    it(`DOCKER_HOST=${host}`, async () => {
      const found = await find({ DOCKER_HOST: host, DOCKER_CONTEXT: 'desk' });
      expect(found).to.deep.equal({
        named: true,
        candidates: [{ address, endpoint, foundBy: 'DOCKER_HOST' }],
      });
    });

  const bad: readonly [string, Record<string, string>, string][] = [
    ['an unknown scheme', { DOCKER_HOST: 'ftp://x' }, 'INVALID_ENDPOINT'],
    ['ssh', { DOCKER_HOST: 'ssh://me@board' }, 'ENDPOINT_NOT_SUPPORTED'],
    ['a socket without a path', { DOCKER_HOST: 'unix://' }, 'INVALID_ENDPOINT'],
    ['a pipe without a name', { DOCKER_HOST: 'npipe://' }, 'INVALID_ENDPOINT'],
    ['a host without a name', { DOCKER_HOST: 'tcp://:2375' }, 'INVALID_ENDPOINT'],
    ['a port that is none', { DOCKER_HOST: 'tcp://x:99999' }, 'INVALID_ENDPOINT'],
    ['a path behind the port', { DOCKER_HOST: 'tcp://x:2375/prefix' }, 'INVALID_ENDPOINT'],
    ['a context that is not there', { DOCKER_CONTEXT: 'nowhere' }, 'CONTEXT_NOT_FOUND'],
    ['a context whose file is broken', { DOCKER_CONTEXT: 'broken' }, 'CONTEXT_NOT_FOUND'],
    ['a context without a Docker endpoint', { DOCKER_CONTEXT: 'cluster' }, 'CONTEXT_NOT_FOUND'],
    [
      'a certificate folder that has none',
      { DOCKER_HOST: 'tcp://x', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nonexistent' },
      'TLS_FILES_MISSING',
    ],
  ];
  for (const [name, environment, code] of bad)
    it(`refuses ${name}`, async () => {
      const error = await find(environment, { dockerConfig: { directory: config } }).catch(
        (thrown: unknown) => thrown,
      );
      expect(isMabuildError(error) && error.code).to.equal(code);
      expect((error as { hint?: string }).hint).to.be.a('string');
    });

  it('never shows a password', async () => {
    const error = await find({ DOCKER_HOST: 'ssh://me:secret@board' }).catch((thrown: unknown) => thrown);
    expect((error as Error).message)
      .to.contain('ssh://board')
      .and.not.contain('secret');
  });

  const named: readonly [string, Record<string, string>, string | undefined, string, string][] = [
    [
      'DOCKER_HOST before everything',
      { DOCKER_HOST: 'unix:///h.sock', DOCKER_CONTEXT: 'desk' },
      'lab',
      'unix:///h.sock',
      'DOCKER_HOST',
    ],
    [
      'DOCKER_CONTEXT before the current context',
      { DOCKER_CONTEXT: 'desk' },
      'lab',
      'unix:///run/desk.sock',
      'DOCKER_CONTEXT desk',
    ],
    ['the current context', {}, 'lab', 'tcp://lab:2375', 'context lab'],
    ['an empty DOCKER_HOST is none', { DOCKER_HOST: '' }, 'desk', 'unix:///run/desk.sock', 'context desk'],
  ];
  for (const [name, environment, currentContext, endpoint, foundBy] of named)
    it(name, async () => {
      const found = await find(environment, { dockerConfig: { directory: config, currentContext } });
      expect(found.named).to.equal(true);
      expect(found.candidates).to.have.length(1);
      expect(found.candidates[0]).to.include({ endpoint, foundBy });
    });

  const unnamed: readonly [string, Record<string, string>, string | undefined][] = [
    ['nothing is named', {}, undefined],
    ['the current context is default', {}, 'default'],
    ['DOCKER_CONTEXT=default hides the current context', { DOCKER_CONTEXT: 'default' }, 'desk'],
  ];
  for (const [name, environment, currentContext] of unnamed)
    it(name, async () => {
      const found = await find(
        { XDG_RUNTIME_DIR: '/run/user/7', ...environment },
        { dockerConfig: { directory: config, currentContext } },
      );
      expect(found.named).to.equal(false);
      expect(found.candidates.map(({ endpoint }) => endpoint)).to.deep.equal([
        'unix:///var/run/docker.sock',
        'unix:///run/user/7/docker.sock',
        'unix:///home/me/.docker/run/docker.sock',
        'unix:///home/me/.docker/desktop/docker.sock',
        'unix:///run/user/7/podman/podman.sock',
        'unix:///run/podman/podman.sock',
      ]);
    });

  it('looks at named pipes on Windows', async () => {
    const { candidates } = await find({}, { platform: 'win32' });
    expect(candidates[0]).to.deep.equal({
      address: { kind: 'socket', path: '\\\\.\\pipe\\docker_engine' },
      endpoint: 'npipe:////./pipe/docker_engine',
      foundBy: 'default named pipe',
    });
  });

  it('a call may name an endpoint or a context of its own', async () => {
    const dockerConfig = { directory: config };
    const environment = { DOCKER_HOST: 'unix:///h.sock' };
    const byUrl = await find(environment, { dockerConfig, endpoint: 'tcp://lab:1' });
    const byName = await find(environment, { dockerConfig, endpoint: 'desk' });
    expect([byUrl, byName].map(({ candidates }) => candidates[0]?.endpoint)).to.deep.equal([
      'tcp://lab:1',
      'unix:///run/desk.sock',
    ]);
  });

  const tls: readonly [string, Record<string, string>, object | undefined][] = [
    ['off', { DOCKER_HOST: 'tcp://x:2376' }, undefined],
    ['DOCKER_TLS_VERIFY', { DOCKER_HOST: 'tcp://x:2376', DOCKER_TLS_VERIFY: '1' }, { verify: true }],
    ['DOCKER_TLS alone does not verify', { DOCKER_HOST: 'tcp://x:2376', DOCKER_TLS: '1' }, { verify: false }],
    ['https', { DOCKER_HOST: 'https://x:2376' }, { verify: true }],
    ['a context with certificates', { DOCKER_CONTEXT: 'board' }, { verify: true }],
    ['a context without', { DOCKER_CONTEXT: 'lab' }, undefined],
  ];
  for (const [name, environment, expected] of tls)
    it(`TLS: ${name}`, async () => {
      const { candidates } = await find(environment, { dockerConfig: { directory: config } });
      const address = candidates[0]?.address;
      const found = address?.kind === 'tcp' ? address.tls : undefined;
      if (expected === undefined) expect(found).to.equal(undefined);
      else {
        expect(found).to.include(expected);
        expect(Buffer.from(found?.ca ?? []).toString()).to.equal('CA');
      }
    });
});
