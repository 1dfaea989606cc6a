import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runProgram } from '../../../packages/cli/src/program.ts';
import { fakeIo } from '../../support/io.ts';

const user = { username: 'ci', password: 'hush:hush' };
const auth = Buffer.from('ci:hush:hush').toString('base64');

/** A helper that keeps one file a server and writes down how it was called, never what it was given. */
const helper = `#!/bin/sh
case "$1" in
store) json=$(cat); server=$(printf %s "$json" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/') ;;
*) server=$(cat) ;;
esac
echo "$1 $server" >> "$STORE/calls"
file="$STORE/$(printf %s "$server" | tr '/:' '__')"
case "$1" in
store) printf %s "$json" > "$file" ;;
get) if [ -f "$file" ]; then cat "$file"; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) rm -f "$file" ;;
esac
`;

describe('cli/login', () => {
  let directory = '';
  let file = '';
  let registry: TestRegistry;

  before(async () => {
    registry = await startTestRegistry({ auth: { kind: 'basic', ...user } });
  });
  after(() => registry.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-login-'));
    file = join(directory, '.docker', 'config.json');
    await mkdir(join(directory, '.docker'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function run(
    argv: readonly string[],
    input = user.password,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const world = fakeIo({
      workingDirectory: directory,
      environment: {
        HOME: directory,
        MABUILD_CACHE: join(directory, 'cache'),
        PATH: join(directory, 'bin'),
        ...environment,
      },
      input,
    });
    const code = await runProgram(world.io, argv);
    await tick();
    expect(`${world.stdout()}${world.stderr()}`).to.not.match(/hush|aHVzaD/);
    return { code, stdout: world.stdout(), stderr: world.stderr() };
  }

  const login = (...more: Parameters<typeof run> extends [unknown, ...infer Rest] ? Rest : never) =>
    run(['login', registry.host, '-u', user.username, '--password-stdin'], ...more);
  const logout = (environment: Readonly<Record<string, string>> = {}) =>
    run(['logout', registry.host], '', environment);
  const config = async (): Promise<Record<string, unknown>> => JSON.parse(await readFile(file, 'utf8'));

  describe('into the file', () => {
    it('keeps the password in the clear, for its owner alone, and says so', async () => {
      await rm(join(directory, '.docker'), { recursive: true });
      const { code, stdout, stderr } = await login();
      expect(code).to.equal(0);
      expect(stdout).to.equal(`signed in to ${registry.host} as ci\n`);
      expect(stderr).to.match(/^warning: .*config\.json holds the password unencrypted; .*\n$/);
      expect(await config()).to.deep.equal({ auths: { [registry.host]: { auth } } });
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect((await stat(join(directory, '.docker'))).mode & 0o777).to.equal(0o700);
    });

    it('keeps everything else that config.json says', async () => {
      const before = { currentContext: 'board', auths: { 'r.example': { auth: 'eDp5' } }, psFormat: 'table' };
      await writeFile(file, `\uFEFF${JSON.stringify(before)}`, { mode: 0o644 });
      await login();
      expect(await config()).to.deep.equal({
        ...before,
        auths: { ...before.auths, [registry.host]: { auth } },
      });
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect((await logout()).stdout).to.equal(`signed out of ${registry.host}\n`);
      expect(await config()).to.deep.equal(before);
    });

    it('takes the place of what was kept under the names of old', async () => {
      const part = { auth: 'eDp5' };
      await writeFile(
        file,
        JSON.stringify({
          auths: {
            [`https://${registry.host}/v1/`]: part,
            [registry.host]: part,
            [`${registry.host}/a`]: part,
          },
        }),
      );
      await login();
      expect(await config()).to.deep.equal({
        auths: { [registry.host]: { auth }, [`${registry.host}/a`]: part },
      });
    });

    it('follows a link and keeps it', async () => {
      const target = join(directory, 'real.json');
      for (const content of [undefined, '{"currentContext":"board"}']) {
        if (content !== undefined) await writeFile(target, content);
        await rm(file, { force: true });
        await symlink('../real.json', file);
        expect((await login()).code).to.equal(0);
        expect((await lstat(file)).isSymbolicLink()).to.equal(true);
        expect(JSON.parse(await readFile(target, 'utf8')).auths).to.have.property(registry.host);
      }
    });

    it('reads back what it kept', async () => {
      await login();
      const pull = await run(['digest', `${registry.host}/app:1`]);
      expect(pull.stderr).to.contain(`there is no image ${registry.host}/app:1`);
    });
  });

  describe('with a credential helper', () => {
    let environment: Record<string, string>;
    beforeEach(async () => {
      environment = {
        PATH: [join(directory, 'bin'), process.env.PATH].join(delimiter),
        STORE: join(directory, 'store'),
      };
      await mkdir(join(directory, 'bin'));
      await mkdir(join(directory, 'store'));
      for (const name of ['test', 'pass', 'secretservice']) {
        await writeFile(join(directory, `bin/docker-credential-${name}`), helper);
        await chmod(join(directory, `bin/docker-credential-${name}`), 0o755);
      }
    });
    const calls = (): Promise<string> => readFile(join(directory, 'store/calls'), 'utf8');

    for (const [name, given] of [
      ['credsStore', { credsStore: 'test' }],
      ['credHelpers', { credHelpers: { HOST: 'test' } }],
    ] as const) {
      it(`of ${name} stores, is asked, and erases`, async () => {
        const before = JSON.parse(JSON.stringify(given).replace('HOST', registry.host));
        await writeFile(file, JSON.stringify(before));
        const result = await login(user.password, environment);
        expect(result).to.deep.equal({
          code: 0,
          stdout: `signed in to ${registry.host} as ci\n`,
          stderr: '',
        });
        expect(await config()).to.deep.equal({ ...before, auths: { [registry.host]: {} } });
        expect(await calls()).to.equal(`store ${registry.host}\n`);

        const pull = await run(['digest', `${registry.host}/app:1`], '', environment);
        expect(pull.stderr).to.contain('there is no image');

        expect((await logout(environment)).stdout).to.equal(`signed out of ${registry.host}\n`);
        expect(await config()).to.deep.equal({ ...before, auths: {} });
        expect(await calls()).to.match(new RegExp(`erase ${registry.host}\n$`));
        expect((await logout(environment)).stdout).to.equal(`nothing was stored for ${registry.host}\n`);
      });
    }

    it('takes that of the system where docker has never kept a password', async () => {
      await writeFile(file, '{"currentContext":"board"}');
      expect((await login(user.password, environment)).stderr).to.equal('');
      const kept = await config();
      expect(kept).to.deep.include({ currentContext: 'board', auths: { [registry.host]: {} } });
      expect(kept.credsStore).to.match(/^(pass|secretservice)$/);
    });

    it('names one that fails, and changes nothing', async () => {
      const before = '{"credsStore":"broken"}';
      await writeFile(file, before);
      await writeFile(join(directory, 'bin/docker-credential-broken'), '#!/bin/sh\ncat\nexit 2\n');
      await chmod(join(directory, 'bin/docker-credential-broken'), 0o755);
      const { code, stderr } = await login(user.password, environment);
      expect(code).to.equal(3);
      expect(stderr).to.match(/storing the credential of .* with docker-credential-broken: it ended with 2/);
      expect(stderr).to.match(/CREDENTIAL_HELPER_FAILED/);
      expect(await readFile(file, 'utf8')).to.equal(before);
    });
  });

  it('keeps nothing that the registry refuses', async () => {
    // `run` looks that no password is told; --debug tells the most.
    const argv = ['login', '--debug', registry.host, '-u', user.username, '--password-stdin'];
    const { code, stderr } = await run(argv, 'a wrong hush');
    expect(code).to.equal(3);
    expect(stderr).to.match(/REGISTRY_UNAUTHORIZED/);
    expect(stderr).to.match(/hint: check the user and password or token of /);
    expect(await stat(file).catch(() => undefined)).to.equal(undefined);
  });

  it('keeps nothing that a token server refuses', async () => {
    const tokens = await startTestRegistry({ auth: { kind: 'token', ...user } });
    const argv = ['login', tokens.host, '-u', user.username, '--password-stdin'];
    const wrong = await run(argv, 'wrong');
    const right = await run(argv, `${user.password}\r\n`);
    await tokens.close();
    expect([wrong.code, right.code]).to.deep.equal([3, 0]);
    expect(await config()).to.deep.equal({ auths: { [tokens.host]: { auth } } });
  });

  it('names the file that cannot be written', async () => {
    await writeFile(join(directory, 'file'), '');
    const DOCKER_CONFIG = join(directory, 'file/below');
    const { code, stderr } = await login(user.password, { DOCKER_CONFIG });
    expect(stderr).to.match(/^error: writing .*file\/below\/config\.json: ENOTDIR.* \(FILE_UNWRITABLE\)$/m);
    expect(code).to.equal(2);
  });

  it('says what else holds credentials', async () => {
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [registry.host]: { auth: 'eDp5' } } });
    expect((await login(user.password, { DOCKER_AUTH_CONFIG })).stderr).to.match(
      /warning: DOCKER_AUTH_CONFIG holds other credentials of .*, which win/,
    );
    const out = await logout({ DOCKER_AUTH_CONFIG });
    expect(out.stderr).to.equal(`warning: DOCKER_AUTH_CONFIG still holds credentials of ${registry.host}\n`);
  });

  const wrong: readonly (readonly [string, readonly string[], string, RegExp])[] = [
    ['no user', ['login', 'r.example', '--password-stdin'], 'x', /login needs -u USER/],
    ['no --password-stdin', ['login', 'r.example', '-u', 'me'], 'x', /login needs --password-stdin/],
    ['an empty password', ['login', 'r.example', '-u', 'me', '--password-stdin'], '\n', /no password/],
    ['an empty user', ['login', 'r.example', '-u', '', '--password-stdin'], 'x', /user name is empty/],
    ['a user with a colon', ['login', 'r.example', '-u', 'a:b', '--password-stdin'], 'x', /a colon/],
    ['no registry', ['login', '-u', 'me', '--password-stdin'], 'x', /missing required argument 'registry'/],
    ['a repository', ['login', 'r.example/team', '-u', 'me', '--password-stdin'], 'x', /is no registry/],
    ['a word', ['login', 'ghcr', '-u', 'me', '--password-stdin'], 'x', /"ghcr" is no registry/],
    ['-p', ['login', 'r.example', '-u', 'me', '-p', 'hush'], '', /--password-stdin/],
    ['-pPASSWORD', ['login', 'r.example', '-u', 'me', '-phush'], '', /--password-stdin/],
    ['--password', ['login', 'r.example', '-u', 'me', '--password', 'hush'], '', /--password-stdin/],
    ['--password=', ['login', 'r.example', '-u', 'me', '--password=hush'], '', /--password-stdin/],
    ['a user and a password', ['login', 'r.example', 'me', 'hush'], '', /too many arguments/],
    ['logout of a word', ['logout', 'ghcr'], '', /"ghcr" is no registry/],
  ];
  for (const [name, argv, input, says] of wrong) {
    it(`refuses ${name}`, async () => {
      const { code, stdout, stderr } = await run(argv, input);
      expect(stderr).to.match(says);
      expect(stdout).to.equal('');
      expect(code).to.equal(2);
    });
  }

  it('leaves a broken config.json as it is', async () => {
    await writeFile(file, '{"auths": hush');
    const { code, stderr } = await login();
    expect(code).to.equal(2);
    expect(stderr).to.match(/config\.json: it is not JSON/);
    expect(await readFile(file, 'utf8')).to.equal('{"auths": hush');
  });

  for (const name of ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/']) {
    it(`forgets Docker Hub as ${name}`, async () => {
      const kept = { 'r.example': { auth: 'eDp5' } };
      const hub = { 'https://index.docker.io/v1/': { auth }, 'docker.io': { auth } };
      await writeFile(file, JSON.stringify({ auths: { ...kept, ...hub } }));
      const result = await run(['logout', name], '');
      expect(result.stdout).to.equal('signed out of docker.io\n');
      expect(await config()).to.deep.equal({ auths: kept });
    });
  }
});
