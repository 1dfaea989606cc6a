import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Credential } from '@mabuild/oci';
import { expect } from 'chai';
import { hostOfAuthKey, readDockerConfig } from '../../packages/cli/src/sdk/docker-config.ts';
import { rejection } from '../support/rejection.ts';
import { sharedDescribe, sharedJson } from '../support/shared.ts';

interface ResolveVector {
  readonly target: string;
  readonly config: string;
  readonly error?: boolean;
  readonly anonymous?: boolean;
  readonly username?: string;
  readonly password?: string;
}

describe('cli/docker-config', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-docker-config-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function credentialFor(
    config: string,
    host: string,
    environment: Record<string, string | undefined> = {},
  ): Promise<Credential | undefined> {
    await writeFile(join(directory, 'config.json'), config);
    const { credentials } = await readDockerConfig({ directory, environment });
    return credentials.credentialFor(host);
  }

  const encode = (text: string): string => Buffer.from(text).toString('base64');

  sharedDescribe('vectors', () => {
    for (const { input, expected } of sharedJson<{ vectors: readonly { input: string; expected: string }[] }>(
      'vectors/registry/auth-config-hostname.json',
    ).vectors) {
      it(`the key ${input} is for ${expected}`, () => {
        expect(hostOfAuthKey(input)).to.equal(expected);
      });
    }

    for (const { target, config, ...want } of sharedJson<{ vectors: readonly ResolveVector[] }>(
      'vectors/registry/auth-config-resolve.json',
    ).vectors) {
      it(`${target} in ${config}`, async () => {
        const asked = credentialFor(config, target, { PATH: directory });
        if (want.error === true) {
          await rejection(asked);
        } else if (want.anonymous === true) {
          expect(await asked).to.equal(undefined);
        } else {
          const { username, password } = want;
          expect(await asked).to.deep.equal({ kind: 'basic', username, password });
        }
      });
    }
  });

  const rows: readonly [string, object, string, Credential | undefined][] = [
    [
      'user and password in the clear',
      { auths: { 'r.example': { username: 'u', password: 'p:q' } } },
      'r.example',
      { kind: 'basic', username: 'u', password: 'p:q' },
    ],
    [
      'a password with colons',
      { auths: { 'r.example': { auth: encode('u:p:q') } } },
      'r.example',
      { kind: 'basic', username: 'u', password: 'p:q' },
    ],
    [
      'a password padded with zero bytes',
      { auths: { 'r.example': { auth: encode('u:p\0\0') } } },
      'r.example',
      { kind: 'basic', username: 'u', password: 'p' },
    ],
    [
      'an identity token',
      { auths: { 'r.example': { auth: encode('u:'), identitytoken: 'refresh' } } },
      'r.example',
      { kind: 'identity-token', token: 'refresh' },
    ],
    [
      'a registry token',
      { auths: { 'r.example': { registrytoken: 'bearer' } } },
      'r.example',
      { kind: 'registry-token', token: 'bearer' },
    ],
    [
      'a port',
      { auths: { 'localhost:5000': { auth: encode('u:p') } } },
      'localhost:5000',
      { kind: 'basic', username: 'u', password: 'p' },
    ],
    ['another port', { auths: { 'localhost:5000': { auth: encode('u:p') } } }, 'localhost:5001', undefined],
    ['another host', { auths: { 'r.example': { auth: encode('u:p') } } }, 'evil-r.example', undefined],
    [
      'a repository of the host',
      { auths: { 'r.example/a': { auth: encode('u:p') } } },
      'r.example',
      undefined,
    ],
    ['nothing', {}, 'r.example', undefined],
    ['null', { auths: null, credHelpers: null, credsStore: '' }, 'r.example', undefined],
    ['a name of Object', { auths: {} }, 'constructor', undefined],
    ...['docker.io', 'index.docker.io', 'registry-1.docker.io'].map(
      (host): [string, object, string, Credential] => [
        `Docker Hub as ${host}`,
        { auths: { 'https://index.docker.io/v1/': { auth: encode('u:p') } } },
        host,
        { kind: 'basic', username: 'u', password: 'p' },
      ],
    ),
  ];
  for (const [name, config, host, expected] of rows) {
    it(`finds ${name}`, async () => {
      expect(await credentialFor(JSON.stringify(config), host)).to.deep.equal(expected);
    });
  }

  it('is empty without a file, or without the folder', async () => {
    for (const missing of [directory, join(directory, 'nowhere')]) {
      const config = await readDockerConfig({ directory: missing, environment: {} });
      expect(await config.credentials.credentialFor('r.example')).to.equal(undefined);
      expect(config).to.deep.include({
        currentContext: undefined,
        proxyBuildArgs: {},
        hosts: [],
        httpHeaders: {},
      });
    }
  });

  it('reads context, headers, proxies and host names', async () => {
    const config = {
      currentContext: 'board',
      HttpHeaders: { 'X-Meta': '1' },
      proxies: { default: { httpProxy: 'http://p:1', noProxy: 'localhost' } },
      auths: { 'https://r.example/v2/': {} },
      credHelpers: { 'h.example': 'x' },
    };
    await writeFile(join(directory, 'config.json'), `\uFEFF${JSON.stringify(config)}`);
    expect(await readDockerConfig({ directory, environment: {} })).to.deep.include({
      currentContext: 'board',
      httpHeaders: { 'X-Meta': '1' },
      hosts: ['r.example', 'h.example'],
      proxyBuildArgs: {
        HTTP_PROXY: 'http://p:1',
        http_proxy: 'http://p:1',
        NO_PROXY: 'localhost',
        no_proxy: 'localhost',
      },
    });
  });

  it('lets DOCKER_AUTH_CONFIG win', async () => {
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'r.example': { auth: encode('ci:job') } } });
    const config = JSON.stringify({ auths: { 'r.example': { auth: encode('u:p') } } });
    expect(await credentialFor(config, 'r.example', { DOCKER_AUTH_CONFIG })).to.include({ username: 'ci' });
    expect(await credentialFor(config, 's.example', { DOCKER_AUTH_CONFIG })).to.equal(undefined);
  });

  const bad: readonly [string, string, RegExp][] = [
    [
      'broken JSON',
      '{"auths": {"r.example": {"auth": "c2VjcmV0OnNlY3JldA=="',
      /config\.json: it is not JSON$/,
    ],
    ['an array', '["secret"]', /the document is not an object/],
    ['auths that is a text', '{"auths":"secret"}', /auths is not an object/],
    ['an entry that is a text', '{"auths":{"r.example":"secret"}}', /auths has no object for r\.example/],
    ['auth without a colon', `{"auths":{"r.example":{"auth":"${encode('secret')}"}}}`, /not the base64/],
    ['auth that is no base64', '{"auths":{"r.example":{"auth":"sec:ret"}}}', /not the base64/],
    ['credsStore that is a number', '{"credsStore":7}', /credsStore is not a text/],
    [
      'a helper that is an object',
      '{"credHelpers":{"r.example":{}}}',
      /credHelpers\.r\.example is not a text/,
    ],
    ['proxies that are a list', '{"proxies":{"default":[]}}', /proxies\.default is not an object/],
  ];
  for (const [name, config, message] of bad) {
    it(`names the file and not its content: ${name}`, async () => {
      const error = await rejection(credentialFor(config, 'r.example'));
      expect(error).to.have.property('code', 'DOCKER_CONFIG_INVALID');
      expect(error.message).to.match(message).and.contain(directory);
      expect(`${error.message}${error.stack}${error.cause}`).to.not.match(/secret|c2Vj/);
    });
  }

  describe('credential helpers', () => {
    async function withHelper(script: string): Promise<Record<string, string | undefined>> {
      const folder = join(directory, 'bin');
      await mkdir(folder);
      const program = join(folder, 'docker-credential-test');
      await writeFile(program, `#!/bin/sh\n${script}\n`);
      await chmod(program, 0o755);
      return { PATH: [folder, process.env.PATH].join(delimiter) };
    }

    const config = JSON.stringify({ credsStore: 'test', auths: { 'r.example': {} } });

    it('are asked on standard input', async () => {
      const environment = await withHelper(
        'read host; echo "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"$1 $host\\",\\"Secret\\":\\"s\\"}"',
      );
      expect(await credentialFor(config, 'r.example', environment)).to.deep.equal({
        kind: 'basic',
        username: 'get r.example',
        password: 's',
      });
      expect(await credentialFor(config, 'docker.io', environment)).to.include({
        username: 'get https://index.docker.io/v1/',
      });
    });

    it('of one host do not count for others', async () => {
      const environment = await withHelper('echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"s\\"}"');
      const perHost = JSON.stringify({
        credHelpers: { 'h.example': 'test' },
        auths: { 'r.example': { auth: encode('a:b') } },
      });
      expect(await credentialFor(perHost, 'h.example', environment)).to.include({ username: 'u' });
      expect(await credentialFor(perHost, 'r.example', environment)).to.include({ username: 'a' });
    });

    it('may give an identity token', async () => {
      const environment = await withHelper('echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"s\\"}"');
      expect(await credentialFor(config, 'r.example', environment)).to.deep.equal({
        kind: 'identity-token',
        token: 's',
      });
    });

    it('may know nothing', async () => {
      const environment = await withHelper('echo "credentials not found in native keychain"; exit 1');
      expect(await credentialFor(config, 'r.example', environment)).to.equal(undefined);
    });

    const failures: readonly [string, string, RegExp][] = [
      ['fails', 'echo "no agent"; exit 3', /it ended with 3: no agent$/],
      ['answers something else', 'echo "Secret: hush"', /its answer is not JSON$/],
      ['answers half', 'echo "{\\"Secret\\":\\"hush\\"}"', /no Username and Secret$/],
    ];
    for (const [name, script, message] of failures) {
      it(`that ${name} is named`, async () => {
        const error = await rejection(credentialFor(config, 'r.example', await withHelper(script)));
        expect(error).to.have.property('code', 'CREDENTIAL_HELPER_FAILED');
        expect(error.message)
          .to.match(/^asking docker-credential-test for/)
          .and.match(message);
        expect(error.message).to.not.contain('hush');
      });
    }

    for (const name of ['nowhere', '../evil', 'a\\b']) {
      it(`${name} is refused or missing`, async () => {
        const named = JSON.stringify({ credsStore: name });
        const error = await rejection(credentialFor(named, 'r.example', { PATH: directory }));
        expect(error).to.have.property('code', 'CREDENTIAL_HELPER_FAILED');
      });
    }

    it('that hang end with an abort', async () => {
      const environment = await withHelper('exec sleep 60');
      await writeFile(join(directory, 'config.json'), config);
      const { credentials } = await readDockerConfig({ directory, environment });
      const reason = new Error('enough');
      const controller = new AbortController();
      const asked = credentials.credentialFor('r.example', { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 50);
      expect(await rejection(asked)).to.equal(reason);
    });
  });
});
