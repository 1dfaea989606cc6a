import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Credential } from '@mabuild/oci';
import { expect } from 'chai';
import { hostOfAuthKey } from '../../../packages/cli/src/sdk/credentials/auth-file.ts';
import { readDockerConfig } from '../../../packages/cli/src/sdk/credentials/docker-config.ts';
import { rejection } from '../../support/rejection.ts';
import { registryVectors } from '../../support/vectors.ts';

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
    target: string,
    environment: Record<string, string | undefined> = {},
  ): Promise<Credential | undefined> {
    await writeFile(join(directory, 'config.json'), config);
    const { credentials } = await readDockerConfig({ directory, environment });
    const [host = '', ...repository] = target.split('/');
    return credentials.credentialFor(host, { repository: repository.join('/') });
  }

  const encode = (text: string): string => Buffer.from(text).toString('base64');

  registryVectors<{ input: string; expected: string }>('auth-config-hostname.json', {
    title: ({ input, expected }) => `the key ${input} is for ${expected}`,
    check: ({ input, expected }) => expect(hostOfAuthKey(input)).to.equal(expected),
  });

  registryVectors<ResolveVector>('auth-config-resolve.json', {
    title: ({ target, config }) => `${target} in ${config}`,
    async check({ target, config, ...want }) {
      const asked = credentialFor(config, target, { PATH: directory });
      if (want.error === true) {
        await rejection(asked);
      } else if (want.anonymous === true) {
        expect(await asked).to.equal(undefined);
      } else {
        const { username, password } = want;
        expect(await asked).to.deep.equal({ kind: 'basic', username, password });
      }
    },
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

  const perRepository = {
    auths: {
      'localhost:5000': { auth: encode('host:p') },
      'localhost:5000/team': { auth: encode('team:p') },
      'localhost:5000/team/app': { auth: encode('app:p') },
      'docker.io/me': { auth: encode('me:p') },
      'https://index.docker.io/v1/': { auth: encode('hub:p') },
    },
  };
  for (const [target, username] of [
    ['localhost:5000', 'host'],
    ['localhost:5000/other', 'host'],
    ['localhost:5000/teams', 'host'],
    ['localhost:5000/team', 'team'],
    ['localhost:5000/team/other', 'team'],
    ['localhost:5000/team/application', 'team'],
    ['localhost:5000/team/app', 'app'],
    ['localhost:5000/team/app/web', 'app'],
    ['docker.io/library/node', 'hub'],
    ['docker.io/me/node', 'me'],
    ['index.docker.io/me/node', 'me'],
    ['r.example/team/app', undefined],
  ] as const) {
    it(`gives ${target} the credential of ${username}`, async () => {
      const found = await credentialFor(JSON.stringify(perRepository), target);
      expect(found?.kind === 'basic' ? found.username : undefined).to.equal(username);
    });
  }

  describe('other files', () => {
    /** One file of credentials per place, with the place for a user name. */
    async function places(names: Readonly<Record<string, string>>): Promise<Record<string, string>> {
      for (const [name, file] of Object.entries(names)) {
        await mkdir(dirname(join(directory, file)), { recursive: true });
        await writeFile(
          join(directory, file),
          JSON.stringify({ auths: { 'r.example': { auth: encode(`${name}:p`) } } }),
        );
      }
      return { XDG_RUNTIME_DIR: join(directory, 'run'), REGISTRY_AUTH_FILE: join(directory, 'given.json') };
    }
    async function userOf(environment: Record<string, string>): Promise<string | undefined> {
      const { credentials } = await readDockerConfig({ directory, environment, homeDirectory: directory });
      const found = await credentials.credentialFor('r.example', { repository: 'app' });
      return found?.kind === 'basic' ? found.username : undefined;
    }

    const files = {
      given: 'given.json',
      docker: 'config.json',
      runtime: 'run/containers/auth.json',
      home: '.config/containers/auth.json',
    };
    it('are asked in order', async () => {
      const environment = await places(files);
      expect(
        await userOf({
          ...environment,
          DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'r.example': { auth: encode('ci:p') } } }),
        }),
      ).to.equal('ci');
      for (const [name, file] of Object.entries(files)) {
        expect(await userOf(environment)).to.equal(name);
        await rm(join(directory, file));
      }
      expect(await userOf(environment)).to.equal(undefined);
    });

    it('are asked on when one has an empty entry', async () => {
      const environment = await places({ home: files.home });
      await writeFile(join(directory, 'config.json'), '{"auths":{"r.example":{}}}');
      expect(await userOf(environment)).to.equal('home');
    });

    it('of podman lie where XDG_CONFIG_HOME says', async () => {
      await places({ elsewhere: 'elsewhere/containers/auth.json', home: files.home });
      expect(await userOf({ XDG_CONFIG_HOME: join(directory, 'elsewhere') })).to.equal('elsewhere');
    });

    it('are named when they are broken', async () => {
      await places(files);
      await writeFile(join(directory, files.home), '{"auths": "secret"}');
      const error = await rejection(userOf({}));
      expect(error).to.have.property('code', 'DOCKER_CONFIG_INVALID');
      expect(error.message).to.contain(files.home).and.not.contain('secret');
    });
  });

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

    it('that know nothing leave room for the file', async () => {
      const environment = await withHelper('echo "credentials not found in native keychain"; exit 1');
      const kept = JSON.stringify({ credsStore: 'test', auths: { 'r.example': { auth: encode('a:b') } } });
      expect(await credentialFor(kept, 'r.example', environment)).to.include({ username: 'a' });
    });

    it('come after what is kept for a repository', async () => {
      const environment = await withHelper('echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"s\\"}"');
      const kept = JSON.stringify({
        credsStore: 'test',
        auths: { 'r.example/team': { auth: encode('a:b') } },
      });
      expect(await credentialFor(kept, 'r.example/team/app', environment)).to.include({ username: 'a' });
      expect(await credentialFor(kept, 'r.example/app', environment)).to.include({ username: 'u' });
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
