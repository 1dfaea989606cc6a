import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { type OpenContextOptions, openContext } from '../../../packages/core/src/context/open-context.ts';
import { rejection } from '../../support/rejection.ts';
import { makeTar } from '../../support/tar.ts';
import { requireTool } from '../../support/tools.ts';

let base: string;
let temporaryDirectory: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'mabuild-open-context-'));
  temporaryDirectory = join(base, 'temporary');
  await mkdir(temporaryDirectory);
  await write({
    'app/Dockerfile': 'FROM app',
    'app/.dockerignore': '*.log',
    'app/a.log': '',
    'app/b': '',
    'files/Dockerfile.arm': 'FROM arm',
    'files/Dockerfile.arm.dockerignore': 'b\n.dockerignore',
    'github.com/me/app.git/Dockerfile': 'FROM folder',
  });
});
afterEach(() => rm(base, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), content);
  }
}

function open(spec: string, dockerfile?: string, stdin?: Buffer | string, signal?: AbortSignal) {
  const options: OpenContextOptions = {
    ...{ spec, dockerfile, temporaryDirectory, signal },
    stdin: stdin === undefined ? undefined : Readable.from([Buffer.from(stdin)]),
    environment: {
      variables: { PATH: process.env.PATH, HOME: base },
      workingDirectory: base,
    },
  };
  return openContext(options);
}

const tar = makeTar([
  { path: 'Dockerfile', content: 'FROM tar' },
  { path: 'in/Dockerfile', content: 'FROM in' },
  { path: 'in/Dockerfile.dockerignore', content: 'Dockerfile\nin' },
  { path: 'out', symlink: '/etc/passwd' },
  { path: 'near', symlink: 'in/Dockerfile' },
]);
const all = ['Dockerfile', 'in', 'in/Dockerfile', 'in/Dockerfile.dockerignore', 'near', 'out'];

/** Context, -f, standard input; the Dockerfile and its name, what the context holds. */
const rows: readonly (readonly [
  string,
  string | undefined,
  Buffer | string | undefined,
  string,
  string,
  readonly string[],
])[] = [
  ['app', undefined, undefined, 'FROM app', 'Dockerfile', ['.dockerignore', 'Dockerfile', 'b']],
  ['./app/', 'app/Dockerfile', undefined, 'FROM app', 'app/Dockerfile', ['.dockerignore', 'Dockerfile', 'b']],
  ['app', 'files/Dockerfile.arm', undefined, 'FROM arm', 'files/Dockerfile.arm', ['Dockerfile', 'a.log']],
  ['app', '-', 'FROM stdin', 'FROM stdin', 'Dockerfile', ['.dockerignore', 'Dockerfile', 'b']],
  ['-', undefined, 'FROM text', 'FROM text', 'Dockerfile', []],
  ['-', undefined, tar, 'FROM tar', 'Dockerfile', all],
  ['-', 'in/Dockerfile', tar, 'FROM in', 'in/Dockerfile', ['near', 'out']],
  ['-', './near', tar, 'FROM in', './near', all],
  ['github.com/me/app.git', undefined, undefined, 'FROM folder', 'Dockerfile', ['Dockerfile']],
];

const bad: readonly (readonly [
  string,
  string,
  string | undefined,
  Buffer | string | undefined,
  string,
  RegExp,
])[] = [
  ['no folder', 'nothing', undefined, undefined, 'CONTEXT_NOT_FOUND', /nothing does not exist/],
  ['a file', 'app/b', undefined, undefined, 'CONTEXT_NOT_FOUND', /is not a folder/],
  [
    'a URL of no repository',
    'https://host/a?key=secret',
    undefined,
    undefined,
    'CONTEXT_NOT_FOUND',
    /\.git$/,
  ],
  ['ext:: as a transport', 'ext::sh -c true', undefined, undefined, 'CONTEXT_NOT_FOUND', /does not exist/],
  [
    'an option as a branch',
    'git://host/a#--upload-pack=x',
    undefined,
    undefined,
    'USAGE',
    /is no name of a branch/,
  ],
  [
    'no Dockerfile',
    'files',
    undefined,
    undefined,
    'DOCKERFILE_NOT_FOUND',
    /files\/Dockerfile: there is no such/,
  ],
  [
    'a Dockerfile that is not there',
    'app',
    'nothing',
    undefined,
    'DOCKERFILE_NOT_FOUND',
    /reading nothing: there/,
  ],
  ['a folder as Dockerfile', 'app', 'files', undefined, 'DOCKERFILE_NOT_FOUND', /reading files/],
  ['standard input for both', '-', '-', 'FROM x', 'USAGE', /both the context and the Dockerfile/],
  ['-f beside a Dockerfile', '-', 'Dockerfile.arm', 'FROM x', 'USAGE', /-f names Dockerfile\.arm/],
  ['no standard input', '-', undefined, undefined, 'USAGE', /none was given/],
  ['no standard input for -f', 'app', '-', undefined, 'USAGE', /none was given/],
  ['an empty standard input', '-', undefined, '', 'CONTEXT_ARCHIVE_INVALID', /is empty/],
  [
    'no Dockerfile in the tar',
    '-',
    undefined,
    makeTar([]),
    'DOCKERFILE_NOT_FOUND',
    /reading Dockerfile: there/,
  ],
  ['-f that leads out of the tar', '-', '../app/Dockerfile', tar, 'DOCKERFILE_NOT_FOUND', /lies outside/],
  ['-f that is absolute', '-', '/etc/passwd', tar, 'DOCKERFILE_NOT_FOUND', /lies outside/],
  [
    'a link that leads out of the tar',
    '-',
    'out',
    tar,
    'DOCKERFILE_NOT_FOUND',
    /reading out: there is no such/,
  ],
  ['a folder of the tar as Dockerfile', '-', 'in', tar, 'DOCKERFILE_NOT_FOUND', /reading in: /],
];

describe('openContext', () => {
  for (const [spec, dockerfile, stdin, text, name, paths] of rows) {
    it(`${spec} -f ${dockerfile ?? '(none)'}${stdin === undefined ? '' : ' with standard input'}: ${text}`, async () => {
      const opened = await open(spec, dockerfile, stdin);
      expect(opened.dockerfile).to.deep.equal({ text, name });
      const found = [];
      for await (const entry of opened.context.entries()) found.push(entry.path);
      expect(found).to.deep.equal(paths);
      await opened.context.close();
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
      expect(await readdir(join(base, 'app'))).to.include('Dockerfile');
    });
  }

  for (const [what, spec, dockerfile, stdin, code, message] of bad) {
    it(`refuses ${what}: ${code}`, async () => {
      const error = await rejection(open(spec, dockerfile, stdin));
      expect(error.code, error.message).to.equal(code);
      expect(error.message).to.match(message);
      expect(error.message).not.to.contain('secret').and.not.to.contain(temporaryDirectory);
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
    });
  }

  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough');
    for (const [spec, dockerfile] of [
      ['app', undefined],
      ['app', '-'],
      ['-', undefined],
      ['file:///nothing', undefined],
    ] as const) {
      expect(await rejection(open(spec, dockerfile, 'FROM x', AbortSignal.abort(reason)))).to.equal(reason);
    }
    expect(await readdir(temporaryDirectory)).to.deep.equal([]);
  });

  requireTool('git', 'with a git URL', () => {
    let url: string;

    beforeEach(async () => {
      await symlink('/etc/passwd', join(base, 'app/passwd'));
      await write({ 'app/in/Dockerfile': 'FROM in', 'app/in/Dockerfile.dockerignore': '*' });
      const git = (...args: readonly string[]): unknown =>
        execFileSync('git', [
          '-C',
          join(base, 'app'),
          '-c',
          'user.email=t@example.com',
          '-c',
          'user.name=t',
          ...args,
        ]);
      git('init', '-q');
      git('add', '-A');
      git('commit', '-q', '-m', 'app');
      url = `file://${base}/app`;
    });

    for (const [dockerfile, stdin, text, name, count] of [
      [undefined, undefined, 'FROM app', 'Dockerfile', 7],
      ['in/Dockerfile', undefined, 'FROM in', 'in/Dockerfile', 0],
      ['-', 'FROM stdin', 'FROM stdin', 'Dockerfile', 7],
    ] as const) {
      it(`-f ${dockerfile ?? '(none)'}: ${text}`, async () => {
        const opened = await open(url, dockerfile, stdin);
        expect(opened.dockerfile).to.deep.equal({ text, name });
        let found = 0;
        for await (const _ of opened.context.entries()) found += 1;
        expect(found).to.equal(count);
        await opened.context.close();
        expect(await readdir(temporaryDirectory)).to.deep.equal([]);
      });
    }

    for (const dockerfile of ['nothing', 'passwd', '../app/Dockerfile', '/etc/passwd']) {
      it(`-f ${dockerfile} is refused`, async () => {
        expect((await rejection(open(url, dockerfile))).code).to.equal('DOCKERFILE_NOT_FOUND');
        expect(await readdir(temporaryDirectory)).to.deep.equal([]);
      });
    }
  });
});
