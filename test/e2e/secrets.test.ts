import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { type CliResult, mabuild, startMabuild } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { copyProgram, holders } from '../support/secret-traces.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeSshKey } from '../support/ssh-key.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('secrets and SSH agents of RUN', function (services) {
  this.timeout(120_000);
  let workspace: Workspace;
  const secret = randomBytes(24).toString('hex');
  const other = randomBytes(24).toString('hex');

  before(async () => {
    workspace = await makeWorkspace();
    await writeFile(join(workspace.dir, 'token'), secret, { mode: 0o600 });
  });
  after(() => workspace.remove());

  const engines = ['embedded', 'buildkit'] as const;
  let builds = 0;
  const flagsOf = (engine: string, context: string, out: string, args: readonly string[]) => [
    ...['build', '--engine', engine, '--platform', 'linux/amd64', '--mirror', `docker.io=${services.mirror}`],
    ...['--progress', 'plain', '-o', `oci:${out}`, ...args, context],
  ];
  const env = { DOCKER_HOST: services.dockerHost, TOKEN: other };

  /** Builds a Dockerfile, and gives what lies in the image, secrets looked for everywhere. */
  async function build(
    engine: (typeof engines)[number],
    dockerfile: string,
    args: readonly string[],
    files: Readonly<Record<string, string>> = {},
  ): Promise<CliResult & { readonly files: Readonly<Record<string, string>> }> {
    const name = `secrets-${builds++}`;
    const context = await workspace.context({ Dockerfile: dockerfile, ...files }, name);
    const out = join(workspace.dir, `${name}-out`);
    const result = await mabuild(flagsOf(engine, context, out, args), { workspace, env });
    expect(result.stderr).to.not.contain(secret).and.not.contain(other);
    expect(holders(workspace.dir, [secret, other])).to.deep.equal([join(workspace.dir, 'token')]);
    return { ...result, files: result.status === 0 ? await filesOf(out) : {} };
  }

  for (const engine of engines) {
    describe(`with ${engine}`, () => {
      it('are files in /run/secrets, and nowhere afterwards', async () => {
        const { status, stderr, files } = await build(
          engine,
          [
            'FROM busybox',
            'RUN --mount=type=secret,id=tok,required=true wc -c </run/secrets/tok >/size; stat -c %a:%u:%g /run/secrets/tok >/mode',
            'RUN --mount=type=secret,id=tok,target=/etc/app/t,uid=1000,gid=1001,mode=0440 stat -c %a:%u:%g /etc/app/t >/other',
            'USER 1000:1001',
            'RUN --mount=type=secret,id=tok,uid=1000,target=/tmp/t wc -c </tmp/t >/tmp/size',
            'RUN --mount=type=secret,id=missing test ! -e /run/secrets/missing',
          ].join('\n'),
          ['--secret', 'id=tok,src=token'],
        );
        expect(status, stderr).to.equal(0);
        expect(files).to.include({
          size: '48\n',
          mode: '400:0:0\n',
          other: '440:1000:1001\n',
          'tmp/size': '48\n',
        });
        expect(Object.keys(files)).to.not.include.members(['run/secrets/tok', 'etc/app/t']);
      });

      it('come from the environment', async () => {
        const { status, stderr, files } = await build(
          engine,
          'FROM busybox\nRUN --mount=type=secret,id=TOKEN,required=true wc -c </run/secrets/TOKEN >/size',
          ['--secret', 'id=TOKEN'],
        );
        expect(status, stderr).to.equal(0);
        expect(files).to.include({ size: '48\n' });
      });

      it('are said to be missing where they are required', async () => {
        const { status, stderr } = await build(
          engine,
          'FROM busybox\nRUN --mount=type=secret,id=nothing,required=true true',
          ['--secret', 'id=tok,src=token'],
        );
        expect(status).to.equal(1);
        expect(stderr)
          .to.match(/secret "?nothing"?[\s\S]*BUILD_FAILED/)
          .and.match(/Dockerfile:2/);
      });

      it('do not build a step again when they change', async () => {
        const dockerfile = `FROM busybox\nRUN --mount=type=secret,id=tok date +%N >/when # ${engine}`;
        const first = await build(engine, dockerfile, ['--secret', 'id=tok,src=token']);
        const second = await build(engine, dockerfile, ['--secret', 'id=tok,env=TOKEN']);
        expect(first.status, first.stderr).to.equal(0);
        expect(second.files.when).to.equal(first.files.when).and.not.equal(undefined);
      });

      describe('an agent', () => {
        let agent: ChildProcess;
        let socket = '';
        let tool: Readonly<Record<string, string>> = {};
        const dockerfile = [
          'FROM busybox',
          'COPY tool /',
          'RUN --mount=type=ssh,required=true ssh-add -l >/keys; ssh-add -D 2>/refused; ssh-add -l >>/keys; echo $SSH_AUTH_SOCK >/socket',
          'RUN --mount=type=ssh,id=other,target=/a,mode=0666 SSH_AUTH_SOCK=/a ssh-add -l >/others || echo none >/others',
          'USER 1000',
          'RUN --mount=type=ssh,uid=1000 ssh-add -l >/tmp/keys',
        ].join('\n');

        before(async () => {
          const folder = join(workspace.dir, `agent-${engine}`);
          await mkdir(folder);
          socket = join(folder, 's');
          makeSshKey(join(folder, 'key'), 'of a file');
          makeSshKey(join(folder, 'held'), 'of the agent');
          agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
          await eventually(() =>
            run('ssh-add', ['-q', join(folder, 'held')], { env: { SSH_AUTH_SOCK: socket } }),
          );
          tool = { key: join(folder, 'key') };
        });
        after(() => agent?.kill());

        const buildWith = async (args: readonly string[]) => {
          const name = `ssh-${builds++}`;
          const context = await workspace.context({ Dockerfile: dockerfile }, name);
          copyProgram('/usr/bin/ssh-add', join(context, 'tool'));
          const out = join(workspace.dir, `${name}-out`);
          const result = await mabuild(flagsOf(engine, context, out, args), {
            workspace,
            env: { ...env, SSH_AUTH_SOCK: socket },
          });
          return { ...result, files: result.status === 0 ? await filesOf(out) : {} };
        };

        it('lists its keys and keeps them', async () => {
          const { status, stderr, files } = await buildWith(['--no-cache', '--ssh', 'default']);
          expect(status, stderr).to.equal(0);
          expect(files.keys?.match(/of the agent/g)).to.have.length(2);
          expect(files.refused).to.match(/failed|refused/i);
          expect(files['tmp/keys']).to.match(/of the agent/);
          expect(files).to.include({ socket: '/run/buildkit/ssh_agent.0\n', others: 'none\n' });
          expect(Object.keys(files).filter((path) => /^run\/.*[^/]$/.test(path))).to.deep.equal([]);
        });

        it('holds keys of files', async () => {
          const { status, stderr, files } = await buildWith([
            ...['--no-cache', '--ssh', `default=${socket}`, '--ssh', `other=${tool.key}`],
          ]);
          expect(status, stderr).to.equal(0);
          expect(files.keys)
            .to.match(/of the agent/)
            .and.not.match(/of a file/);
          expect(files.others)
            .to.match(/of a file/)
            .and.not.match(/of the agent/);
        });

        it('is said to be missing where it is required', async () => {
          const { status, stderr } = await buildWith(['--no-cache']);
          expect(status).to.equal(1);
          expect(stderr)
            .to.match(/SSH|ssh/)
            .and.match(/Dockerfile:3/);
        });
      });
    });
  }

  it('are variables with the embedded engine', async () => {
    const { status, stderr, files } = await build(
      'embedded',
      [
        'FROM busybox',
        'ENV T=of-the-image',
        'RUN --mount=type=secret,id=tok,env=T test ! -e /run/secrets/tok && printf %s "$T" | wc -c >/size',
        'RUN echo "$T" >/after',
      ].join('\n'),
      ['--secret', 'id=tok,src=token'],
    );
    expect(status, stderr).to.equal(0);
    expect(files).to.include({ size: '48\n', after: 'of-the-image\n' });
  });

  it('are in no arguments, and gone when the build is killed', async () => {
    const context = await workspace.context(
      {
        Dockerfile:
          'FROM busybox\nRUN --mount=type=secret,id=tok --mount=type=secret,id=o,env=O echo running; sleep 1000\n',
      },
      'killed',
    );
    const flags = ['--secret', 'id=tok,src=token', '--secret', 'id=o,env=TOKEN'];
    const out = join(workspace.dir, 'killed-out');
    const build = startMabuild(flagsOf('embedded', context, out, flags), { workspace, env });
    await build.waitFor(/running\n/);
    expect(commandLines().filter((line) => line.includes(secret) || line.includes(other))).to.deep.equal([]);
    // Its files lie in a file system of its own, which nobody else sees.
    expect(holders(workspace.dir, [secret, other])).to.deep.equal([join(workspace.dir, 'token')]);
    process.kill(build.pid, 'SIGKILL');
    await build.ended;
    await eventually(async () => {
      expect(commandLines().filter((line) => line === 'sleep 1000')).to.deep.equal([]);
    });
    expect(holders(workspace.dir, [secret, other])).to.deep.equal([join(workspace.dir, 'token')]);
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a secret without an id', ['--secret', 'src=token'], /has no id/],
    ['a field that there is not', ['--secret', 'id=a,value=hidden'], /"value" is no field/],
    ['a file that there is not', ['--secret', 'id=a,src=nothing'], /nothing does not exist/],
    ['a folder', ['--secret', 'id=a,src=.'], /a folder/],
    ['an agent without a socket', ['--ssh', 'default'], /SSH_AUTH_SOCK is not set/],
    ['a key that is none', ['--ssh', 'a=token'], /no SSH key/],
    ['an id twice', ['--ssh', 'a=token', '--ssh', 'a'], /twice/],
  ];
  for (const [name, args, message] of refused) {
    it(`refuses ${name}`, async () => {
      const { status, stderr } = await build('embedded', 'FROM scratch\nENV A=1\n', args);
      expect(status, stderr).to.equal(2);
      expect(stderr).to.match(message).and.not.contain('hidden');
    });
  }

  it('are refused by the classic builder', async () => {
    const context = await workspace.context({ Dockerfile: 'FROM busybox\n' }, 'classic');
    const { status, stderr } = await mabuild(
      flagsOf('classic', context, join(workspace.dir, 'classic-out'), ['--secret', 'id=tok,src=token']),
      { workspace, env },
    );
    expect(status).to.equal(1);
    expect(stderr).to.match(/NEEDS_BUILDKIT/);
  });
});

/** Small files of an image's only tar of files, by path. */
async function filesOf(layout: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const read = async (digest: string): Promise<Buffer> =>
    await readFile(join(layout, 'blobs', digest.replace(':', '/')));
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const manifest = JSON.parse((await read(index.manifests[0].digest)).toString('utf8'));
  for (const { digest } of manifest.layers) {
    const tar = gunzipSync(await read(digest));
    const name = (at: number, size: number) => tar.toString('latin1', at, at + size).replace(/\0.*$/s, '');
    for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
      const size = Number.parseInt(name(at + 124, 12), 8) || 0;
      if (size < 4096) found[name(at, 100)] = tar.toString('utf8', at + 512, at + 512 + size);
      at += 512 + Math.ceil(size / 512) * 512;
    }
  }
  return found;
}

/** The arguments of every process. */
function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()];
      } catch {
        return [];
      }
    });
}
