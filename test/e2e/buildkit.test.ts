import { randomBytes } from 'node:crypto';
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { mabuild, mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { startCountingProxy } from '../support/fault-proxy.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeTar } from '../support/tar.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** Platforms, and the folders that `-o local:` makes for them. */
const folders: Readonly<Record<string, string>> = { 'linux/amd64': 'amd64', 'linux/arm/v7': 'arm32v7' };

servicesDescribe('building with BuildKit', function (services) {
  this.timeout(120_000);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  /** Builds for both platforms into a folder and gives a reader of what lies in it. */
  async function buildFiles(
    name: string,
    context: string,
    args: readonly string[] = [],
  ): Promise<(platform: string, path: string) => Promise<string>> {
    const out = join(workspace.dir, `out-${name}`);
    await mabuildOk(
      [
        ...['build', '--engine', 'buildkit', '--platform', Object.keys(folders).join(',')],
        ...[...args, '-o', `local:${out}`, context],
      ],
      { workspace, env: { DOCKER_HOST: services.dockerHost } },
    );
    return async (platform, path) =>
      (await readFile(join(out, folders[platform] ?? '', path), 'utf8')).trim();
  }

  describe('sends', () => {
    const files = 20;
    const fileSize = 100_000;
    let context: string;

    before(async () => {
      context = await workspace.context({ Dockerfile: 'FROM busybox\nCOPY data /data\n' }, 'changing');
      await mkdir(join(context, 'data'));
      for (let index = 0; index < files; index++) {
        await writeFile(join(context, 'data', `${index}.bin`), randomBytes(fileSize));
      }
    });

    /** Bytes to the engine of a build for three platforms. */
    async function sent(): Promise<number> {
      const proxy = await startCountingProxy(services.dockerHost, join(workspace.dir, 'engine.sock'));
      try {
        await mabuildOk(
          [
            ...['build', '--engine', 'buildkit', '--platform', 'linux/amd64,linux/arm64,linux/arm/v7'],
            ...['-o', `oci:${join(workspace.dir, 'layout')}`, context],
          ],
          { workspace, env: { DOCKER_HOST: proxy.dockerHost } },
        );
        return proxy.sent();
      } finally {
        await proxy.close();
      }
    }

    it('every file once, then none, then the one that changed', async () => {
      expect(await sent(), 'new').to.be.within(files * fileSize, files * fileSize + 200_000);
      expect(await sent(), 'unchanged').to.be.below(fileSize);
      await writeFile(join(context, 'data', '7.bin'), randomBytes(fileSize));
      expect(await sent(), 'one file changed').to.be.within(fileSize, 2 * fileSize);
    });
  });

  describe('is not asked again', () => {
    let context: string;
    let image: string;
    const judge = dockerJudge(services.dockerHost);

    before(async () => {
      context = await workspace.context(
        { Dockerfile: 'FROM busybox\nCOPY a.txt /\nRUN date +%N > /made\n', 'a.txt': 'a' },
        'same',
      );
      for (const name of ['Dockerfile', 'a.txt']) await utimes(join(context, name), 1, 1);
    });

    /** The id that the engine gave, and whether it was asked. */
    async function build(...args: readonly string[]): Promise<{ id: string; isAsked: boolean }> {
      const { stderr } = await mabuildOk(
        [
          ...['build', '--engine', 'buildkit', '--platform', 'linux/amd64', '--progress', 'rawjson', ...args],
          ...['-o', `oci:${join(workspace.dir, 'same-layout')}`, context],
        ],
        { workspace, env: { DOCKER_HOST: services.dockerHost } },
      );
      const id = /"state":"built","detail":"(sha256:[0-9a-f]{64})/.exec(stderr)?.[1] ?? '';
      return { id, isAsked: stderr.includes('"type":"step"') };
    }

    it('while nothing has changed', async () => {
      const first = await build();
      expect(first.isAsked).to.equal(true);
      expect(await build()).to.deep.equal({ id: first.id, isAsked: false });
      image = first.id;
    });

    it('but is with --no-cache', async () => {
      const again = await build('--no-cache');
      expect(again.isAsked).to.equal(true);
      expect(again.id)
        .to.match(/^sha256:/)
        .and.not.equal(image);
      // Not the image of before, which the engine's cache no longer gives either.
      expect(await build()).to.deep.equal({ id: again.id, isAsked: false });
    });

    it('but is when a file has changed', async () => {
      await writeFile(join(context, 'a.txt'), 'b');
      await utimes(join(context, 'a.txt'), 1, 2);
      const changed = await build();
      expect(changed.isAsked).to.equal(true);
      image = changed.id;
    });

    it('but is when the engine has lost the image', async () => {
      await judge.removeImage(image);
      expect((await build()).isAsked).to.equal(true);
    });
  });

  describe('understands', () => {
    it('mounts, owners, heredocs, archives, shells and build arguments', async () => {
      const context = await workspace.context(
        {
          Dockerfile: [
            '# syntax=registry.invalid/docker/dockerfile:1',
            'ARG TAG=latest',
            'FROM busybox:${TAG} AS build',
            'ARG TARGETARCH TARGETVARIANT',
            'ARG GREETING=none',
            'SHELL ["/bin/sh", "-ec"]',
            'RUN --mount=type=cache,target=/cache echo cached >> /cache/log && cp /cache/log /log',
            'COPY --chown=12:34 a.txt /owned/',
            'RUN <<EOF',
            'stat -c %u:%g /owned/a.txt > /owner',
            'echo "$TARGETARCH$TARGETVARIANT $GREETING" > /target',
            'uname -m > /machine',
            'EOF',
            'ADD archive.tar /unpacked/',
            'COPY --from=busybox /bin/busybox /copied',
            'RUN test -x /copied && false || echo shell > /shell',
            '',
            'FROM busybox AS unused',
            'RUN false',
            '',
            'FROM scratch AS result',
            'LABEL made.by=test',
            'COPY --from=build /log /owner /target /machine /shell /unpacked /',
            '',
          ].join('\n'),
          'a.txt': 'a',
          'archive.tar': makeTar([{ path: 'inside.txt', content: 'unpacked' }]),
        },
        'features',
      );
      const read = await buildFiles('features', context, [
        ...['--target', 'result', '--build-arg', 'GREETING=good day'],
      ]);
      const machines = { 'linux/amd64': ['x86_64', 'amd64'], 'linux/arm/v7': ['armv7l', 'armv7'] };
      for (const [platform, [machine, target]] of Object.entries(machines)) {
        expect(await read(platform, 'log')).to.match(/^cached/);
        expect(await read(platform, 'owner')).to.equal('12:34');
        expect(await read(platform, 'target')).to.equal(`${target} good day`);
        expect(await read(platform, 'machine')).to.equal(machine);
        expect(await read(platform, 'shell')).to.equal('shell');
        expect(await read(platform, 'inside.txt')).to.equal('unpacked');
      }
    });

    it('triggers of a stage that another stands on', async () => {
      const context = await workspace.context(
        {
          Dockerfile: [
            'FROM busybox AS parent',
            'ONBUILD RUN uname -m > /triggered',
            'FROM parent',
            'RUN cp /triggered /copy',
            'FROM scratch',
            'COPY --from=1 /copy /copy',
            '',
          ].join('\n'),
        },
        'triggers',
      );
      const read = await buildFiles('triggers', context);
      expect(await read('linux/amd64', 'copy')).to.equal('x86_64');
      expect(await read('linux/arm/v7', 'copy')).to.equal('armv7l');
    });

    const listing =
      'FROM busybox AS b\nCOPY . /c\nRUN cd /c && find . -type f | sort > /list\nFROM scratch\nCOPY --from=b /list /\n';
    const ignores: readonly [string, Readonly<Record<string, string>>, string][] = [
      ['no ignore file', {}, './Dockerfile ./a.log ./keep.log ./sub/b.log ./sub/c.txt'],
      [
        'exceptions',
        { '.dockerignore': '**/*.log\n!keep.log\nDockerfile\n' },
        './.dockerignore ./keep.log ./sub/c.txt',
      ],
      [
        'an ignore file of its own, which wins',
        { '.dockerignore': '*\n', 'Dockerfile.dockerignore': 'sub\n*ockerfile*\n.dockerignore\n' },
        './a.log ./keep.log',
      ],
    ];
    for (const [what, more, expected] of ignores)
      it(`a context with ${what}`, async () => {
        const name = `ignores-${what.replace(/\W+/g, '-')}`;
        const context = await workspace.context(
          { Dockerfile: listing, 'a.log': '1', 'keep.log': '2', ...more },
          name,
        );
        await mkdir(join(context, 'sub'));
        await writeFile(join(context, 'sub/b.log'), '3');
        await writeFile(join(context, 'sub/c.txt'), '4');
        const read = await buildFiles(name, context);
        expect((await read('linux/arm/v7', 'list')).split('\n').join(' ')).to.equal(expected);
      });
  });

  describe('says', () => {
    const lines = [
      '# two stages',
      'FROM busybox AS one',
      'RUN true',
      '',
      'FROM busybox AS two',
      'COPY --from=one /bin/busybox /copy',
      'RUN <<EOF',
      'echo about to fail',
      'exit 7',
      'EOF',
      '',
    ];

    it('which line of the user’s file failed, in a second stage that was rewritten', async () => {
      const context = await workspace.context({ Dockerfile: lines.join('\n') }, 'failing');
      const { status, stderr } = await mabuild(
        [
          'build',
          '--engine',
          'buildkit',
          '--platform',
          'linux/arm/v7',
          '-o',
          `oci:${join(workspace.dir, 'x')}`,
          context,
        ],
        { workspace, env: { DOCKER_HOST: services.dockerHost } },
      );
      expect(status).to.equal(1);
      expect(stderr)
        .to.match(/Dockerfile:7/)
        .and.contain('exit code 7')
        .and.contain('about to fail');
    });
  });
});
