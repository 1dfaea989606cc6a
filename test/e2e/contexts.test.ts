import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const platform = 'linux/arm/v7';
const dockerfile =
  'FROM busybox\nCOPY word /word\nRUN echo "$(cat /word) on $(uname -m)" > /said\nCMD ["cat", "/said"]\n';

servicesDescribe('build: contexts that are no folder', function (services) {
  this.timeout(120_000);
  const judge = dockerJudge(services.dockerHost);
  const env = { DOCKER_HOST: services.dockerHost };
  let workspace: Workspace;
  let folder: string;

  before(async () => {
    workspace = await makeWorkspace();
    folder = await workspace.context({
      Dockerfile: 'FROM busybox\nCMD ["echo", "the wrong Dockerfile"]\n',
      'docker/Dockerfile.app': dockerfile,
      word: 'from a tar',
    });
  });
  after(async () => {
    const leftovers = await workspace.leftovers();
    await workspace.remove();
    expect(leftovers).to.deep.equal([]);
  });

  interface Row {
    readonly name: string;
    readonly args: () => readonly string[];
    readonly input: () => Promise<Uint8Array | string | undefined> | Uint8Array | string | undefined;
    readonly said: string;
  }

  const rows: readonly Row[] = [
    {
      name: 'tar',
      args: () => ['-f', 'docker/Dockerfile.app', '-'],
      input: () => execFileSync('tar', ['-C', folder, '-cz', '.']),
      said: 'from a tar on armv7l',
    },
    {
      name: 'dockerfile',
      args: () => ['-'],
      input: () => 'FROM busybox\nRUN uname -m > /said\nCMD ["cat", "/said"]\n',
      said: 'armv7l',
    },
    {
      name: 'dockerfile-and-folder',
      args: () => ['-f', '-', folder],
      input: () => readFile(join(folder, 'docker/Dockerfile.app')),
      said: 'from a tar on armv7l',
    },
    {
      name: 'git',
      args: () => ['-f', 'docker/Dockerfile', `file://${workspace.dir}/repository#feature:app`],
      async input() {
        await makeRepository(join(workspace.dir, 'repository'));
        return undefined;
      },
      said: 'from git on armv7l',
    },
  ];

  async function makeRepository(repository: string): Promise<void> {
    await rm(repository, { recursive: true, force: true });
    await mkdir(join(repository, 'app/docker'), { recursive: true });
    const git = (...args: readonly string[]): unknown =>
      execFileSync('git', ['-C', repository, '-c', 'user.email=t@example.com', '-c', 'user.name=t', ...args]);
    git('init', '-q', '-b', 'main');
    git('commit', '-q', '--allow-empty', '-m', 'empty');
    git('checkout', '-q', '-b', 'feature');
    await writeFile(join(repository, 'app/word'), 'from git');
    await writeFile(join(repository, 'app/docker/Dockerfile'), dockerfile);
    await writeFile(join(repository, 'app/docker/Dockerfile.dockerignore'), 'docker');
    git('add', '.');
    git('commit', '-q', '-m', 'app');
    git('checkout', '-q', 'main');
  }

  for (const [engine, row] of ['classic', 'buildkit'].flatMap((name) =>
    rows.map((row) => [name, row] as const),
  )) {
    const { name, args, input, said } = row;
    it(`${name}, ${engine}: is built, pushed and run for ${platform}`, async () => {
      const image = `${services.registry}/e2e/contexts:${name}-${engine}`;
      const given = await input();
      await mabuildOk(
        [...['build', '--engine', engine, '--platform', platform, '--push', '-t', image], ...args()],
        { workspace, env, ...(given !== undefined && { input: given }) },
      );
      await judge.pull(image, platform);
      try {
        expect((await judge.run(image, platform)).trim()).to.equal(said);
      } finally {
        await judge.removeImage(image);
      }
    });
  }

  for (const [what, args, input, code, status] of [
    ['no Dockerfile in the tar', ['-f', 'nothing', '-'], Buffer.alloc(1024), 'DOCKERFILE_NOT_FOUND', 2],
    ['an empty standard input', ['-'], '', 'CONTEXT_ARCHIVE_INVALID', 2],
    ['standard input for both', ['-f', '-', '-'], 'FROM busybox', 'USAGE', 2],
    ['a repository that is not there', ['file:///nothing/there.git'], '', 'GIT_FAILED', 3],
    ['a URL of no repository', ['https://example.invalid/a.tar'], '', 'CONTEXT_NOT_FOUND', 2],
  ] as const) {
    it(`${what}: ${code}`, async () => {
      const result = await mabuild(['build', '--platform', platform, ...args], { workspace, env, input });
      expect(result.stderr).to.contain(`(${code})`);
      expect(result.status).to.equal(status);
    });
  }
});
