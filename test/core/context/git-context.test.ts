import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { BuildContext } from '../../../packages/core/src/context/context.ts';
import { openGitContext } from '../../../packages/core/src/context/git-context.ts';
import { isGitUrl, parseGitUrl, withoutCredentials } from '../../../packages/core/src/context/git-url.ts';
import { eventually } from '../../support/eventually.ts';
import { rejection } from '../../support/rejection.ts';
import { requireTool } from '../../support/tools.ts';

/** What the user names, and what git is asked for; `undefined` where docker sees a folder. */
const urls: readonly (readonly [string, Partial<ReturnType<typeof parseGitUrl>> | undefined])[] = [
  ['https://host/a.git', { remote: 'https://host/a.git', ref: undefined, subdirectory: '' }],
  ['https://host/a.git#main', { ref: 'main', subdirectory: '' }],
  ['https://host/a.git#main:sub/dir', { ref: 'main', subdirectory: 'sub/dir' }],
  ['https://host/a.git#:/sub/', { ref: undefined, subdirectory: 'sub' }],
  ['https://host/a.git#feature/x', { ref: 'feature/x' }],
  ['http://host:8080/a.git', { remote: 'http://host:8080/a.git' }],
  ['https://user:word@host/a.git', { remote: 'https://user:word@host/a.git', shown: 'https://host/a.git' }],
  ['git://host/a', { remote: 'git://host/a' }],
  ['ssh://git@host:22/a', { remote: 'ssh://git@host:22/a' }],
  ['git@host:me/a.git#v1', { remote: 'git@host:me/a.git', ref: 'v1' }],
  ['me@host:/srv/a', { remote: 'me@host:/srv/a' }],
  ['github.com/me/a', { remote: 'https://github.com/me/a' }],
  ['github.com/me/a#main:x', { remote: 'https://github.com/me/a', ref: 'main', subdirectory: 'x' }],
  ['file:///srv/a', { remote: 'file:///srv/a' }],
  ['https://host/a', undefined],
  ['https://host/a.tar.gz', undefined],
  ['./github.com/me', undefined],
  ['ext::sh -c true', undefined],
  ['--upload-pack=true', undefined],
  ['C:\\folder', undefined],
];

const refused: readonly string[] = [
  'https://host/a.git#--upload-pack=true',
  'https://host/a.git#-x:sub',
  'https://host/a.git#+main',
  'https://host/a.git#a..b',
  'https://host/a.git#a b',
  'https://host/a.git#main:../x',
  'https://host/a.git#main:a/../../x',
  'ssh://-oProxyCommand=true/a',
  'ssh://git@-oProxyCommand=true/a',
  'git@-oProxyCommand=true:a',
  'git@host:-a',
  'git://-host/a',
  'git://ext::sh/a',
];

describe('git URLs', () => {
  for (const [spec, expected] of urls) {
    it(`${spec} is ${expected === undefined ? 'none' : 'one'}`, () => {
      expect(isGitUrl(spec)).to.equal(expected !== undefined);
      if (expected !== undefined) expect(parseGitUrl(spec)).to.include(expected);
    });
  }

  for (const spec of refused) {
    it(`${spec} is refused`, () => {
      expect(() => parseGitUrl(spec))
        .to.throw()
        .with.property('code', 'USAGE');
    });
  }

  for (const [given, expected] of [
    ["fatal: 'https://me:word@host/a.git/' not found", "fatal: 'https://host/a.git/' not found"],
    ['https://token@host/a?x=secret failed', 'https://host/a failed'],
    ['https://a@b:c@host/', 'https://host/'],
    ['git@host:a', 'git@host:a'],
  ] as const) {
    it(`${given} is shown as ${expected}`, () => {
      expect(withoutCredentials(given)).to.equal(expected);
    });
  }
});

requireTool('git', 'openGitContext', () => {
  let base: string;
  let temporaryDirectory: string;
  let repository: string;
  let commits: readonly string[];
  const variables = (): Record<string, string | undefined> => ({ PATH: process.env.PATH, HOME: base });

  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'mabuild-git-'));
    temporaryDirectory = join(base, 'temporary');
    await mkdir(temporaryDirectory);
    repository = await makeRepository('repository');
    commits = [
      await commit(repository, { Dockerfile: 'FROM one', 'sub/Dockerfile': 'FROM sub' }),
      await commit(repository, { Dockerfile: 'FROM two', '.dockerignore': '*.log', 'a.log': '' }),
    ];
    git(repository, 'tag', '-a', '-m', 'first', 'v1', commits[0] ?? '');
    git(repository, 'checkout', '-q', '-b', 'topic/x');
    await commit(repository, { 'sub/Dockerfile': 'FROM topic' });
    await symlink(base, join(repository, 'out'));
    await commit(repository, {});
    git(repository, 'checkout', '-q', 'main');
  });
  after(() => rm(base, { recursive: true, force: true }));

  function git(folder: string, ...args: readonly string[]): string {
    const env = { PATH: process.env.PATH, HOME: base };
    return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', env }).trim();
  }

  async function makeRepository(name: string): Promise<string> {
    const folder = join(base, name);
    await mkdir(folder);
    git(folder, 'init', '-q', '-b', 'main');
    git(folder, 'config', 'user.email', 'test@example.com');
    git(folder, 'config', 'user.name', 'test');
    return folder;
  }

  async function commit(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    git(folder, 'add', '-A', '-f');
    git(folder, 'commit', '-q', '--allow-empty', '-m', 'change');
    return git(folder, 'rev-parse', 'HEAD');
  }

  function open(spec: string, more: { signal?: AbortSignal; variables?: Record<string, string> } = {}) {
    const all = { ...variables(), ...more.variables };
    return openGitContext(spec, {
      ...{ temporaryDirectory, dockerfile: 'Dockerfile', signal: more.signal },
      variables: all,
    });
  }

  async function readFrom(context: BuildContext): Promise<readonly [string, readonly string[]]> {
    const paths: string[] = [];
    for await (const entry of context.entries()) paths.push(entry.path);
    return [await text(await context.open('Dockerfile')), paths];
  }

  const root = ['Dockerfile', 'sub', 'sub/Dockerfile'];
  const checkouts: readonly (readonly [string, () => string, string, readonly string[]])[] = [
    ['what HEAD is', () => '', 'FROM two', ['.dockerignore', ...root]],
    ['a branch', () => '#main', 'FROM two', ['.dockerignore', ...root]],
    ['an annotated tag', () => '#v1', 'FROM one', root],
    ['a full hash', () => `#${commits[0]}`, 'FROM one', root],
    ['a short hash', () => `#${commits[0]?.slice(0, 8)}`, 'FROM one', root],
    ['a folder', () => '#:sub', 'FROM sub', ['Dockerfile']],
    ['a branch with a slash and a folder', () => '#topic/x:sub', 'FROM topic', ['Dockerfile']],
  ];
  for (const [what, fragment, dockerfile, paths] of checkouts) {
    it(`opens ${what}, without .git, and deletes it when it is closed`, async () => {
      const { context } = await open(`file://${repository}${fragment()}`);
      expect(await readFrom(context)).to.deep.equal([dockerfile, paths]);
      await context.close();
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
    });
  }

  const failures: readonly (readonly [string, () => string, string, RegExp])[] = [
    [
      'no repository',
      () => `file://${base}/nothing`,
      'GIT_FAILED',
      /^fetching file:.*nothing: git fetch failed: fatal/,
    ],
    [
      'no such branch',
      () => `file://${repository}#nothing`,
      'CONTEXT_NOT_FOUND',
      /no branch, tag or commit nothing/,
    ],
    [
      'no such commit',
      () => `file://${repository}#${'0'.repeat(39)}1`,
      'CONTEXT_NOT_FOUND',
      /no branch, tag/,
    ],
    [
      'no such folder',
      () => `file://${repository}#main:nothing`,
      'CONTEXT_NOT_FOUND',
      /has no folder nothing/,
    ],
    [
      'a link that leads out',
      () => `file://${repository}#topic/x:out`,
      'CONTEXT_NOT_FOUND',
      /has no folder out/,
    ],
    [
      'a file as folder',
      () => `file://${repository}#main:Dockerfile`,
      'CONTEXT_NOT_FOUND',
      /is not a folder/,
    ],
  ];
  for (const [what, spec, code, message] of failures) {
    it(`refuses ${what}, and leaves nothing behind`, async () => {
      const error = await rejection(open(spec()));
      expect(error.code, error.message).to.equal(code);
      expect(error.message).to.match(message);
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
    });
  }

  it('checks submodules out, and theirs', async () => {
    const [inner, middle, outer] = [
      await makeRepository('inner'),
      await makeRepository('middle'),
      await makeRepository('outer'),
    ];
    await commit(inner, { file: 'inner' });
    const add = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add'];
    git(middle, ...add, `file://${inner}`, 'in');
    await commit(middle, { Dockerfile: 'FROM middle' });
    git(outer, ...add, `file://${middle}`, 'mid');
    await commit(outer, { Dockerfile: 'FROM outer' });
    const { context } = await open(`file://${outer}`);
    expect(await text(await context.open('mid/in/file'))).to.equal('inner');
    await context.close();
  });

  it('is not led astray by the variables of a git hook', async () => {
    const { context } = await open(`file://${repository}`, {
      variables: { GIT_DIR: join(base, 'wrong'), GIT_WORK_TREE: base, GIT_INDEX_FILE: join(base, 'index') },
    });
    expect((await readFrom(context))[0]).to.equal('FROM two');
    await context.close();
  });

  it('says that there is no git', async () => {
    const error = await rejection(open(`file://${repository}`, { variables: { PATH: base } }));
    expect(error.code).to.equal('GIT_NOT_FOUND');
    expect(await readdir(temporaryDirectory)).to.deep.equal([]);
  });

  it('asks nobody for a password, and tells nobody one', async () => {
    const server = createServer((_request, response) =>
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      for (const user of ['', 'me:pass-word@']) {
        const error = await rejection(open(`http://${user}${host}/a.git`));
        expect(error.code).to.equal('GIT_FAILED');
        const all = `${error.message} ${(error as { hint?: string }).hint}`;
        expect(all).to.contain(`http://${host}/a.git`).and.not.to.contain('pass-word');
      }
    } finally {
      server.close();
    }
  });

  it('kills git on abort and leaves no folder', async () => {
    let asked = 0;
    const server = createServer(() => {
      asked += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const controller = new AbortController();
    const reason = new Error('enough');
    try {
      const { port } = server.address() as AddressInfo;
      const opening = rejection(open(`http://127.0.0.1:${port}/a.git`, { signal: controller.signal }));
      await eventually(async () => expect(asked).to.equal(1));
      controller.abort(reason);
      expect(await opening).to.equal(reason);
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('runs no hook of the templates of the user', async () => {
    const template = join(base, 'template');
    await mkdir(join(template, 'hooks'), { recursive: true });
    const hook = join(template, 'hooks/post-checkout');
    await writeFile(hook, `#!/bin/sh\ntouch ${base}/hook-ran\n`);
    await chmod(hook, 0o755);
    const { context } = await open(`file://${repository}`, { variables: { GIT_TEMPLATE_DIR: template } });
    await context.close();
    expect(await readdir(base)).not.to.contain('hook-ran');
  });
});
