import { createHash } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { migrateDockerfile } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { debTree } from '../../scripts/lib/debs.mjs';
import { cache } from '../../scripts/lib/workspace.mjs';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { servicesDescribe } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const arm = 'linux/arm64,linux/arm/v7';
const platforms = `linux/amd64,${arm}`;
const publisher = 'https://github.com';
const release = '/tianon/gosu/releases/download/1.17';

servicesDescribe('x64 examples, migrated', function (services) {
  this.timeout(1_800_000);
  const env = { DOCKER_HOST: services.dockerHost };
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  /** A copy of an example that tests may write into. */
  async function copyOf(example: string): Promise<string> {
    const folder = join(workspace.dir, example);
    await cp(join(repositoryRoot, 'examples', example), folder, { recursive: true });
    return folder;
  }

  const build = (
    folder: string,
    name: string,
    wanted = platforms,
    file = 'Dockerfile',
  ): readonly string[] => [
    ...['build', '--network', 'host', '--platform', wanted, '-f', join(folder, file)],
    ...['--push', '-t', `${services.registry}/slow/${name}:1`, folder],
  ];

  /** What the published image says of itself on each platform. */
  async function says(name: string, ...command: readonly string[]): Promise<readonly string[]> {
    const answers: string[] = [];
    for (const platform of platforms.split(',')) {
      const image = `${services.registry}/slow/${name}:1`;
      const run = ['run', '--rm', '--platform', platform, image];
      const result = await mabuildOk(command.length > 0 ? [...run, '--', ...command] : run, {
        workspace,
        env,
      });
      answers.push(result.stdout.trim());
    }
    return answers;
  }

  async function verified(name: string): Promise<void> {
    await mabuildOk(['verify', '--platform', platforms, `${services.registry}/slow/${name}:1`], {
      workspace,
      env,
    });
  }

  describe('a Python service with a C extension', () => {
    it('does not build for ARM as it is', async () => {
      const folder = await copyOf('python-service');
      const result = await mabuild(build(folder, 'python', 'linux/arm64'), { workspace, env });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.match(/march|x86_64-linux-gnu/);
    });

    it('serves every platform when it is migrated', async () => {
      const folder = await copyOf('python-service');
      await mabuildOk(['migrate', '--platform', arm, '--write', join(folder, 'Dockerfile')], {
        workspace,
        env,
      });
      await mabuildOk(build(folder, 'python'), { workspace, env });
      await verified('python');
      expect(await says('python', 'python3', 'app.py', '--once')).to.deep.equal([
        'x86_64 285 found',
        'aarch64 285 found',
        'armv7l 285 found',
      ]);
    });

    it('is built as it is with --fix', async () => {
      const folder = await copyOf('python-service');
      const before = await readFile(join(folder, 'Dockerfile'), 'utf8');
      await mabuildOk([...build(folder, 'python-fixed'), '--fix'], { workspace, env });
      await verified('python-fixed');
      expect(await readFile(join(folder, 'Dockerfile'), 'utf8')).to.equal(before);
    });
  });

  describe('a program that is cross-compiled', () => {
    it('lies as it is, and is not published', async () => {
      const folder = await copyOf('cross-compile');
      const result = await mabuild(build(folder, 'hello', 'linux/arm64'), { workspace, env });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.include('VERIFICATION_FAILED');
    });

    it('is for its platform when it is migrated', async () => {
      const folder = await copyOf('cross-compile');
      await mabuildOk(['migrate', '--platform', arm, '--write', join(folder, 'Dockerfile')], {
        workspace,
        env,
      });
      await mabuildOk(build(folder, 'hello'), { workspace, env });
      await verified('hello');
      expect(await says('hello')).to.deep.equal(['hello from amd64', 'hello from arm64', 'hello from arm']);
    });

    it('is for its platform in a file of its own', async () => {
      const folder = await copyOf('cross-compile');
      const flags = ['--platform', 'linux/arm/v7', '--style', 'per-arch', '--write'];
      await mabuildOk(['migrate', ...flags, join(folder, 'Dockerfile')], { workspace, env });
      await mabuildOk(build(folder, 'hello-arm', 'linux/arm/v7', 'Dockerfile.arm32v7'), { workspace, env });
      const run = ['run', '--rm', '--platform', 'linux/arm/v7', `${services.registry}/slow/hello-arm:1`];
      expect((await mabuildOk(run, { workspace, env })).stdout).to.equal('hello from arm\n');
    });
  });

  describe('a tool that is downloaded', () => {
    const files = new Map<string, Buffer>();
    let server: Server;
    let host = '';
    let dockerfile = '';

    before(async () => {
      const names = { amd64: 'amd64', arm64: 'arm64', armhf: 'armhf' };
      for (const [debian, name] of Object.entries(names)) {
        const tree = await debTree('gosu', debian, { cache: join(cache, 'debs') });
        files.set(`${release}/gosu-${name}`, await readFile(join(tree, 'usr/sbin/gosu')));
      }
      const sums = [...files].map(([path, bytes]) => `${sha256(bytes)}  ${path.split('/').at(-1)}`);
      files.set(`${release}/SHA256SUMS`, Buffer.from(`${sums.join('\n')}\n`));
      server = createServer((request, response) => {
        const bytes = files.get(request.url ?? '');
        response.writeHead(bytes ? 200 : 404).end(request.method === 'HEAD' ? undefined : bytes);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      // The programs are Debian's builds of the tool, so the x64 file's checksum is that of Debian's.
      const source = await readFile(join(repositoryRoot, 'examples/release-binary/Dockerfile'), 'utf8');
      dockerfile = source.replace(/[0-9a-f]{64}/, sha256(files.get(`${release}/gosu-amd64`) as Buffer));
      expect(dockerfile).to.not.equal(source);
    });
    after(() => server.close());

    /** Lets the publisher's addresses be those of the stand-in. */
    async function contextOf(text: string, name: string): Promise<string> {
      expect(text).to.include(publisher);
      return workspace.context({ Dockerfile: text.replaceAll(publisher, host) }, name);
    }

    it('lies as it is, and is not published', async () => {
      const folder = await contextOf(dockerfile, 'gosu-before');
      const result = await mabuild(build(folder, 'gosu', 'linux/arm64'), { workspace, env });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.include('VERIFICATION_FAILED');
    });

    it('stops where a checksum has to be filled in', async () => {
      const { files: written } = await migrateDockerfile(dockerfile, {
        style: 'portable',
        platforms: parsePlatformList(arm),
      });
      const folder = await contextOf(written[0]?.text ?? '', 'gosu-open');
      const result = await mabuild(build(folder, 'gosu', 'linux/arm64'), { workspace, env });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.match(/sha256sum|checksum/);
    });

    it('is right for every platform when the publisher was asked for checksums', async () => {
      const standIn = (url: string): Buffer | undefined => files.get(url.replace(publisher, ''));
      const { files: written, unfixed } = await migrateDockerfile(dockerfile, {
        style: 'portable',
        platforms: parsePlatformList(arm),
        downloads: {
          exists: async (url) => standIn(url) !== undefined,
          read: async (url) => standIn(url)?.toString('utf8'),
        },
      });
      expect(unfixed.filter(({ severity }) => severity === 'error')).to.deep.equal([]);
      const folder = await contextOf(written[0]?.text ?? '', 'gosu-after');
      await writeFile(join(folder, '.dockerignore'), '*\n');
      await mabuildOk(build(folder, 'gosu'), { workspace, env });
      await verified('gosu');
      const answers = await says('gosu', '--version');
      expect(answers.map((answer) => /on (linux\/\w+)/.exec(answer)?.[1])).to.deep.equal([
        'linux/amd64',
        'linux/arm64',
        'linux/arm',
      ]);
    });
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
