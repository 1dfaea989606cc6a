import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { findFiles, kindOf } from '../../../packages/cli/src/sdk/check/find-files.ts';
import { rejection } from '../../support/rejection.ts';
import { requireTool } from '../../support/tools.ts';

const run = promisify(execFile);

describe('names of files', () => {
  const names: Readonly<Record<string, readonly string[]>> = {
    dockerfile: [
      'Dockerfile',
      'dockerfile',
      'Containerfile',
      'Dockerfile.arm32v7',
      'Dockerfile.windows.amd64.ltsc2022',
      'Dockerfile-dev',
      'Dockerfile_windows',
      'Containerfile.bash_file',
      'web.Dockerfile',
      'web.dockerfile',
      'api-Dockerfile',
      'docker-Dockerfile.buildx',
      'Dockerfile.inputs',
    ],
    compose: [
      'compose.yaml',
      'compose.yml',
      'docker-compose.yml',
      'docker-compose.prod.yaml',
      'compose.override.yaml',
      'dev.docker-compose.yml',
      'docker-compose-dev.yml',
    ],
    bake: ['docker-bake.hcl', 'docker-bake.json', 'docker-bake.override.hcl', 'app.bake.hcl'],
    lockfile: [
      'uv.lock',
      'poetry.lock',
      'package-lock.json',
      'pnpm-lock.yaml',
      'yarn.lock',
      'Gemfile.lock',
      'requirements-dev.txt',
    ],
    none: [
      'Dockerfile.dockerignore',
      '.dockerignore',
      'Dockerfile.j2',
      'Dockerfile.tmpl',
      'Dockerfile.template',
      'Dockerfile.erb',
      'Dockerfile.md',
      'Dockerfile.bak',
      'Dockerfile~',
      'dockerfile.go',
      'dockerfile_test.go',
      'dockerfile-parser.py',
      'build-dockerfile',
      'Dockerfiles',
      'MyDockerfile',
      'compose.json',
      'decompose.yaml',
      'package.json',
      'Cargo.lock',
    ],
  };
  for (const [kind, list] of Object.entries(names)) {
    it(`${kind}: ${list.join(' ')}`, () => {
      expect(list.filter((name) => (kindOf(name) ?? 'none') !== kind)).to.deep.equal([]);
    });
  }
});

describe('files of folders', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-find-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function write(files: Readonly<Record<string, string>> | readonly string[]): Promise<void> {
    const pairs = Array.isArray(files) ? files.map((path) => [path, 'FROM x\n']) : Object.entries(files);
    for (const [path = '', text = ''] of pairs as [string, string][]) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
  }
  async function find(...paths: string[]): Promise<readonly string[]> {
    return (await findFiles(paths, { directory })).map(({ path }) => path);
  }

  it('come in order, each once, without .git and node_modules', async () => {
    await write([
      'b/Dockerfile',
      'Dockerfile',
      'a/x.Dockerfile',
      '.git/Dockerfile',
      'a/node_modules/m/Dockerfile',
      'uv.lock',
    ]);
    const all = ['Dockerfile', 'a/x.Dockerfile', 'b/Dockerfile', 'uv.lock'];
    expect(await find('.')).to.deep.equal(all);
    expect(await find('a', '.', 'Dockerfile')).to.deep.equal([
      'a/x.Dockerfile',
      'Dockerfile',
      'b/Dockerfile',
      'uv.lock',
    ]);
    expect(await find('./')).to.deep.equal(all);
  });

  it('a file that is named is read, whatever its name and whatever git ignores', async () => {
    await write({ '.gitignore': '*\n', 'Dockerfile.j2': 'FROM x', anything: 'FROM x' });
    await mkdir(join(directory, '.git'));
    expect(await find('Dockerfile.j2', 'anything', '-')).to.deep.equal(['Dockerfile.j2', 'anything', '-']);
  });

  it('links are followed to other files of the tree, and no further', async () => {
    await write(['docker/prod', 'docker/Dockerfile', 'elsewhere/Dockerfile']);
    await mkdir(join(directory, 'tree/sub'), { recursive: true });
    await writeFile(join(directory, 'tree/base'), 'FROM x');
    await writeFile(join(directory, 'tree/sub/Dockerfile'), 'FROM x');
    await symlink('base', join(directory, 'tree/Dockerfile'));
    await symlink('sub/Dockerfile', join(directory, 'tree/Dockerfile.again'));
    await symlink('../elsewhere/Dockerfile', join(directory, 'tree/Dockerfile.out'));
    await symlink('absent', join(directory, 'tree/Dockerfile.broken'));
    await symlink('..', join(directory, 'tree/sub/loop'));
    await symlink('../../elsewhere', join(directory, 'tree/sub/folder'));
    expect(await find('tree')).to.deep.equal(['tree/Dockerfile', 'tree/sub/Dockerfile']);
  });

  it('a folder with nothing to build is refused', async () => {
    await write({ 'package-lock.json': '{}', 'README.md': '' });
    const error = await rejection(find('.'));
    expect(error.code).to.equal('NO_DOCKERFILE');
    expect((await rejection(find('absent'))).code).to.equal('FILE_NOT_FOUND');
  });

  it('a repository around the folder counts', async () => {
    await write({
      '.git/info/exclude': 'excluded/\n',
      '.gitignore': '/inner/out/\n*.secret\n',
      'inner/.gitignore': '!keep.secret\n',
      'inner/Dockerfile': '',
      'inner/out/Dockerfile': '',
      'inner/excluded/Dockerfile': '',
      'inner/Dockerfile.secret': '',
    });
    expect(await find('inner')).to.deep.equal(['inner/Dockerfile']);
  });

  requireTool('git', 'what git ignores', () => {
    const folders = ['', 'a/', 'a/b/', 'a/b/c/', 'build/', 'a/build/', 'x y/', 'a/b/build/'];
    const files = folders.flatMap((folder) =>
      ['Dockerfile', 'Dockerfile.dev', 'web.Dockerfile'].map((name) => folder + name),
    );
    const trees: readonly Readonly<Record<string, string>>[] = [
      { '.gitignore': 'build\n' },
      { '.gitignore': 'build/\n!a/build/\n' },
      { '.gitignore': '/build\n' },
      { '.gitignore': 'build/\n', 'a/.gitignore': '!build/\n' },
      { '.gitignore': 'build/*\n!build/Dockerfile\n' },
      { '.gitignore': '*.dev\n', 'a/b/.gitignore': '!*.dev\n' },
      { '.gitignore': '*\n!*/\n!Dockerfile\n' },
      { '.gitignore': 'a/**/Dockerfile\n' },
      { '.gitignore': '**/b/c\n' },
      { '.gitignore': '# build\n\\#x\nx\\ y/\n  \n' },
      { 'a/.gitignore': '/b\n/Dockerfile\n' },
      { '.gitignore': 'DOCKERFILE\nA/\n' },
      { '.gitignore': 'Dockerfile.*\n!Dockerfile.dev\n', 'a/.gitignore': 'Dockerfile.dev\n' },
      { '.gitignore': '[ab]/Dockerfile\nweb.?ockerfile\n' },
      { '.gitignore': 'a/*\n!a/b/\n' },
      { '.gitignore': 'build/\r\n*.dev\r\n' },
      { '.git/info/exclude': 'web.*\n!a/web.Dockerfile\n', '.gitignore': '!/web.Dockerfile\n' },
    ];
    for (const tree of trees) {
      it(JSON.stringify(tree), async () => {
        await run('git', ['init', '-q', directory]);
        await write(files);
        await write(tree);
        const { stdout } = await run('git', ['ls-files', '-z', '--others', '--exclude-standard'], {
          cwd: directory,
        });
        const expected = stdout.split('\0').filter((path) => /ockerfile/.test(path));
        expect([...(await find('.').catch(() => []))].sort()).to.deep.equal(expected.sort());
      });
    }
  });
});
