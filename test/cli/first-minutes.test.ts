import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type Authority, makeAuthority } from '../support/certificates.ts';
import { runCli } from '../support/cli-run.ts';
import { type ContextFile, writeContext } from '../support/embedded-builds.ts';
import { makeImage } from '../support/made-image.ts';
import { publish } from '../support/published.ts';

type Files = Readonly<Record<string, ContextFile>>;

/** What goes wrong in the first ten minutes, and what is said about it. */
interface Row {
  readonly files?: Files;
  /** `OPEN`, `PRIVATE` and `SECURE` are registries. */
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** @default 2 */
  readonly code?: number;
  readonly says: RegExp;
  /** What to do next. */
  readonly hint: RegExp;
}

const app = { 'app/Dockerfile': 'FROM scratch\nCOPY package.json /\n', 'app/package.json': '{}' };
const copying = (source: string, more: Files = {}): Files => ({
  'app/Dockerfile': `FROM scratch\nCOPY ${source} /\n`,
  'app/package.json': '{}',
  ...more,
});
const on = (base: string): Files => ({ 'app/Dockerfile': `FROM ${base}\nLABEL a=b\n` });
const build = ['build', '-o', 'oci:out', 'app'];

const rows: Readonly<Record<string, Row>> = {
  'no Dockerfile': {
    args: ['build', '-o', 'oci:out'],
    says: /reading Dockerfile: there is no such file/,
    hint: /-f/,
  },
  'a Dockerfile of another name': {
    files: { 'app/Containerfile': '', 'app/Dockerfile.prod': '', 'app/Dockerfile.dockerignore': '' },
    args: build,
    says: /app\/Dockerfile: there is no such file/,
    hint: /-f app\/Containerfile; there is app\/Dockerfile\.prod, too$/m,
  },
  'a Dockerfile in a folder below': {
    files: { 'app/docker/Dockerfile': '' },
    args: build,
    says: /no such file/,
    hint: /-f app\/docker\/Dockerfile$/m,
  },
  'a Dockerfile that -f names from the context': {
    files: app,
    args: [...build, '-f', 'Dockerfile'],
    says: /reading Dockerfile/,
    hint: /from the current folder, not in the context: -f app\/Dockerfile/,
  },
  'a misspelt Dockerfile': {
    files: app,
    args: [...build, '-f', 'app/Dockerfil'],
    says: /app\/Dockerfil: there/,
    hint: /did you mean -f app\/Dockerfile\?/,
  },
  'a Dockerfile that is a folder': {
    files: { 'app/Dockerfile/Dockerfile': '' },
    args: build,
    says: /it is a folder/,
    hint: /-f app\/Dockerfile\/Dockerfile/,
  },
  'a context that is not there': { args: build, says: /app does not exist/, hint: /name the folder/ },
  'a Dockerfile for a context': {
    files: app,
    args: ['build', '-o', 'oci:out', 'app/Dockerfile'],
    says: /is not a folder/,
    hint: /mabuild build -f FILE FOLDER/,
  },
  'an empty Dockerfile': {
    files: { 'app/Dockerfile': '' },
    args: build,
    says: /no instructions/,
    hint: /starts with FROM/,
  },
  'a Dockerfile without FROM': {
    files: { 'app/Dockerfile': 'RUN true\n' },
    args: build,
    says: /no build stage/,
    hint: /put a FROM above/,
  },
  'UTF-16': {
    files: { 'app/Dockerfile': Buffer.from('\ufeffFROM scratch\n', 'utf16le') },
    args: build,
    says: /app\/Dockerfile is UTF-16/,
    hint: /iconv -f UTF-16 -t UTF-8 app\/Dockerfile/,
  },
  'a program for a Dockerfile': {
    files: { 'app/Dockerfile': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1]) },
    args: build,
    says: /is no text/,
    hint: /-f/,
  },
  'a misspelt instruction': {
    files: { 'app/Dockerfile': 'FROM scratch\nCOPPY a /\n' },
    args: build,
    says: /unknown instruction: COPPY/,
    hint: /did you mean COPY\?/,
  },
  'a target that is not there': {
    files: app,
    args: [...build, '--target', 'tset'],
    says: /target stage "tset"/,
    hint: /leave --target out, or write FROM … AS tset/,
  },
  'an ARG without a value': {
    files: { 'app/Dockerfile': 'ARG V\nFROM node:$V\n' },
    args: build,
    says: /"node:" is no image name/,
    hint: /V is empty: give --build-arg V=/,
  },
  'a misspelt file': {
    files: copying('packge.json'),
    args: build,
    code: 1,
    says: /"\/packge\.json": not found/,
    hint: /did you mean package\.json\?/,
  },
  'a file above the context': {
    files: copying('../main.js', { 'main.js': '' }),
    args: build,
    code: 1,
    says: /not found/,
    hint: /inside of the context only, and that is app: .* mabuild build -f app\/Dockerfile \.$/m,
  },
  'a file of the current folder and another context': {
    files: copying('main.js', { 'main.js': '' }),
    args: build,
    code: 1,
    says: /not found/,
    hint: /in the current folder, but the context is app: mabuild build -f app\/Dockerfile \./,
  },
  'a file of the machine': {
    files: copying('/etc/passwd'),
    args: build,
    code: 1,
    says: /not found/,
    hint: /begins at the context, app, also with a slash in front/,
  },
  'a file that is nowhere': {
    files: copying('no/such/thing'),
    args: build,
    code: 1,
    says: /not found/,
    hint: /the context, which is app: there is no such file/,
  },
  'a file that is left out': {
    files: copying('package.json', { 'app/.dockerignore': '*.json' }),
    args: build,
    code: 1,
    says: /not found/,
    hint: /app\/\.dockerignore leaves it out: .*!package\.json/,
  },
  'everything left out': {
    files: copying('package.json', { 'app/Dockerfile.dockerignore': '*' }),
    args: [...build, '-f', 'app/Dockerfile'],
    code: 1,
    says: /not found/,
    hint: /app\/Dockerfile\.dockerignore leaves it out/,
  },
  'a wrong .dockerignore': {
    files: copying('package.json', { 'app/.dockerignore': '[a' }),
    args: build,
    says: /\.dockerignore line 1/,
    hint: /backslash/,
  },
  'a link to nothing': {
    files: copying('link', { 'app/link': { link: '/no/where' } }),
    args: build,
    code: 1,
    says: /"\/link": not found/,
    hint: /a link to \/no\/where, which is not there/,
  },
  'a socket': {
    files: copying('socket'),
    args: build,
    code: 1,
    says: /"\/socket": not found/,
    hint: /it is a socket/,
  },
  'a file that no stage makes': {
    files: { 'app/Dockerfile': 'FROM scratch AS made\nLABEL a=b\nFROM scratch\nCOPY --from=made /app /\n' },
    args: build,
    code: 1,
    says: /"\/app": not found/,
    hint: /made has no such file at its end/,
  },
  'a misspelt stage': {
    files: { 'app/Dockerfile': 'FROM scratch AS build\nLABEL a=b\nFROM scratch\nCOPY --from=biuld /a /\n' },
    args: build,
    environment: { HTTPS_PROXY: 'http://127.0.0.1:1' },
    code: 3,
    says: /resolving base image docker\.io\/library\/biuld/,
    hint: /did you mean the stage build\?; if it is an image: check the proxy/,
  },
  'a stage that is not there': {
    files: { 'app/Dockerfile': 'FROM scratch AS build\nLABEL a=b\nFROM scratch\nCOPY --from=tests /a /\n' },
    args: build,
    environment: { HTTPS_PROXY: 'http://127.0.0.1:1' },
    code: 3,
    says: /resolving base image/,
    hint: /no stage is called tests, they are build, so it is taken for an image/,
  },
  armv7: {
    files: app,
    args: [...build, '--platform', 'linux/armv7'],
    says: /no platform/,
    hint: /write linux\/arm\/v7/,
  },
  'armv7 without its system': {
    files: app,
    args: [...build, '--platform', 'arm/v7'],
    says: /no platform/,
    hint: /write linux\/arm\/v7/,
  },
  'platforms with a space': {
    files: app,
    args: [...build, '--platform', 'linux/amd64 linux/arm64'],
    says: /no platform/,
    hint: /commas .*: linux\/amd64,linux\/arm64/,
  },
  'platforms with a comma and a space': {
    files: app,
    args: [...build, '--platform', 'linux/amd64,', 'linux/arm64'],
    says: /one context/,
    hint: /no spaces, as in --platform linux\/amd64,linux\/arm64; `mabuild build --help`/,
  },
  'a misspelt flag': {
    args: [...build, '--platfrom', 'arm'],
    says: /'--platfrom'/,
    hint: /--platform\? `mabuild build --help`/,
  },
  'a flag without its value': {
    args: ['build', '-o'],
    says: /argument missing/,
    hint: /`mabuild build --help`/,
  },
  'a misspelt verb': { args: ['biuld'], says: /'biuld'/, hint: /did you mean build\?/ },
  "docker's verb": { args: ['buildx', 'build', '.'], says: /'buildx'/, hint: /`mabuild --help`/ },
  'no argument': {
    args: ['verify'],
    says: /missing required argument 'ref'/,
    hint: /`mabuild verify --help`/,
  },
  'a file for a folder of files': {
    files: app,
    args: ['build', 'app', '-o', 'image.tar'],
    says: /would make a folder of that name/,
    hint: /oci-archive:image\.tar or docker-archive:image\.tar/,
  },
  'an output without its place': {
    files: app,
    args: ['build', 'app', '-o', 'oci-archive'],
    says: /names no place/,
    hint: /oci-archive:PATH/,
  },
  'upper case': { files: app, args: [...build, '-t', 'App:1'], says: /lower case/, hint: /write app/ },
  'an address for a name': {
    files: app,
    args: [...build, '-t', 'https://ghcr.io/me/app'],
    says: /starts with https/,
    hint: /leave https:\/\/ out/,
  },
  'push without a name': {
    files: app,
    args: ['build', 'app', '--push'],
    says: /needs a name/,
    hint: /-t REGISTRY\/NAME:TAG/,
  },
  'no engine to load into': {
    files: app,
    args: ['build', 'app', '-t', 'app', '--platform', 'linux/amd64'],
    environment: { DOCKER_HOST: 'unix:///no/such/docker.sock' },
    code: 3,
    says: /docker\.sock/,
    hint: /-o oci:DIR or publish it with --push|DOCKER_HOST/,
  },
  'a base without arm/v7': {
    files: on('OPEN/base:1'),
    args: [...build, '--platform', 'linux/arm/v7'],
    code: 1,
    says: /has no image for linux\/arm\/v7/,
    hint: /linux\/amd64/,
  },
  'a tag that is not there': {
    files: on('OPEN/base:2'),
    args: [...build, '--platform', 'linux/amd64'],
    code: 1,
    says: /there is no image .*base:2/,
    hint: /check the spelling/,
  },
  'a private base': {
    files: on('PRIVATE/base:1'),
    args: build,
    code: 3,
    says: /answered 401/,
    hint: /mabuild login 127\.0\.0\.1:\d+/,
  },
  'a base behind a certificate of its own': {
    files: on('SECURE/base:1'),
    args: build,
    code: 3,
    says: /nobody trusted here vouches for its certificate/,
    hint: /registries: \{ "127\.0\.0\.1:\d+": \{ ca: FILE \} \}, or as ~\/\.docker\/certs\.d\/127\.0\.0\.1:\d+\/ca\.crt/,
  },
  'a registry that is not there': {
    files: on('localhost:1/base:1'),
    args: build,
    code: 3,
    says: /connection was refused/,
    hint: /spelt right, running and reachable/,
  },
  'a proxy that is not there': {
    files: on('busybox'),
    args: build,
    environment: { HTTPS_PROXY: 'http://127.0.0.1:1' },
    code: 3,
    says: /the proxy http:\/\/127\.0\.0\.1:1 is not there/,
    hint: /NO_PROXY/,
  },
  'a proxy of a kind that is not supported': {
    files: on('busybox'),
    args: build,
    environment: { HTTPS_PROXY: 'socks5://127.0.0.1:1' },
    says: /socks5:\/\/, which is not supported/,
    hint: /http:\/\/HOST:PORT/,
  },
  'a layout that is not there': { args: ['verify', 'oci:out'], says: /no OCI layout/, hint: /-o oci:DIR/ },
};

describe('the first ten minutes', () => {
  let work = '';
  let authority: Authority;
  let registries: Readonly<Record<string, TestRegistry>> = {};
  before(async () => {
    authority = makeAuthority();
    const auth = { kind: 'basic', username: 'ci', password: 'hush' } as const;
    registries = {
      OPEN: await startTestRegistry(),
      PRIVATE: await startTestRegistry({ auth }),
      SECURE: await startTestRegistry({ tls: authority.issue('IP:127.0.0.1') }),
    };
    const image = makeImage({ platform: 'linux/amd64', layers: [[{ path: 'a', content: 'a' }]] });
    await publish(image, `${registries.OPEN?.host}/base:1`);
  });
  after(async () => {
    authority.close();
    for (const registry of Object.values(registries)) await registry.close();
  });
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-first-'));
  });
  afterEach(() => rm(work, { recursive: true, force: true }));

  const named = (text: string): string =>
    text.replace(/OPEN|PRIVATE|SECURE/, (name) => registries[name]?.host ?? name);

  for (const [title, { files = {}, args, environment = {}, code = 2, says, hint }] of Object.entries(rows)) {
    it(`say what to do about ${title}`, async () => {
      const written = Object.entries(files).map(([path, file]) => [
        path,
        typeof file === 'string' ? named(file) : file,
      ]);
      await writeContext(work, Object.fromEntries(written));
      const socket = title === 'a socket' ? await listenAt(join(work, 'app/socket')) : undefined;
      const answer = await runCli(work, args, { PATH: process.env.PATH, ...environment });
      socket?.close();
      expect(answer.code, answer.stderr).to.equal(code);
      expect(answer.stderr).to.match(new RegExp(`^error: .*${says.source}`, 'm'));
      expect(answer.stderr).to.match(new RegExp(`^hint: .*${hint.source}`, 'm'));
      expect(answer.stderr).not.to.match(/\n\s+at .*\.ts:/);
    });
  }

  const fine: Readonly<Record<string, Files>> = {
    'Windows line ends': { 'app/Dockerfile': 'FROM scratch\r\nENV A=b \\\r\n  C=d\r\nCOPY Dockerfile /\r\n' },
    'a byte order mark': { 'app/Dockerfile': '\ufeffFROM scratch\nCOPY Dockerfile /\n' },
    tabs: { 'app/Dockerfile': '\tFROM\tscratch\n\tCOPY\tDockerfile\t/\n' },
    'bytes that are no UTF-8': {
      'app/Dockerfile': Buffer.from('FROM scratch\n# caf\xe9\nCOPY Dockerfile /\n', 'latin1'),
    },
    'a link to nothing beside': {
      'app/Dockerfile': 'FROM scratch\nCOPY . /\n',
      'app/link': { link: '/no/where' },
    },
    'a .dockerignore that leaves the Dockerfile out': {
      ...app,
      'app/.dockerignore': 'Dockerfile\n.dockerignore',
    },
  };
  for (const [title, files] of Object.entries(fine)) {
    it(`build with ${title}`, async () => {
      await writeContext(work, files);
      const { code, stderr } = await runCli(work, [...build, '--platform', 'arm'], {
        PATH: process.env.PATH,
      });
      expect(code, stderr).to.equal(0);
      expect(stderr).to.match(/^\[linux\/arm\/v7\] finished/m);
    });
  }
});

function listenAt(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(path, () => resolve(server));
  });
}
