import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../support/debs.ts';
import { eventually } from '../../support/eventually.ts';
import { type InstalledCommand, installCommand } from '../../support/installed-command.ts';
import { makeImage } from '../../support/made-image.ts';
import { publish } from '../../support/published.ts';
import { busyboxRoot } from '../../support/sandbox.ts';
import { type SandboxUser, sandboxUsers } from '../../support/sandbox-users.ts';
import { repositoryRoot } from '../../support/sources.ts';

const platforms = { 'linux/amd64': 'amd64', 'linux/arm/v7': 'armhf' };
const users: readonly SandboxUser[] = ['this user', 'nobody, with subordinate users', 'nobody, alone'];

for (const user of users.filter((one) => sandboxUsers().includes(one))) {
  describe(`mabuild run without an engine, ${user}`, function () {
    this.timeout(120_000);
    // A number of its own finds what runs among all processes.
    const mark = String(100_000 + Math.floor(Math.random() * 800_000));
    const arm = ['--platform', 'linux/arm/v7'];
    let root = '';
    let reference = '';
    let registry: TestRegistry | undefined;
    let command: InstalledCommand;
    const run = (...args: readonly string[]) => command.start(user, ['run', ...args]).ended;
    const place = (name: string): string => join(command.home(user), name);

    before(async function () {
      if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
      if (!existsSync('/usr/bin/qemu-arm-static')) return this.skip();
      root = await mkdtemp(join(tmpdir(), 'mabuild-run-'));
      await chmod(root, 0o755);
      registry = await startTestRegistry();
      reference = `${registry.host}/me/app:1`;
      const recipes = await Promise.all(
        Object.entries(platforms).map(async ([platform, debian]) => ({
          platform,
          layers: [
            await buffer(Readable.from(layerTar(await busyboxRoot(await debTree('busybox-static', debian))))),
          ],
          config: { Env: ['PATH=/bin'], Entrypoint: ['/bin/sh', '-c'], Cmd: ['uname -m'] },
        })),
      );
      await publish(makeImage(...recipes), reference);
      command = await installCommand(root);
      for (const [kind, ...more] of [['oci'], ['oci-archive'], ['docker-archive', ...arm]]) {
        const to = `${kind}:${place(`image-${kind}`)}`;
        const { status, stderr } = await command.start(user, ['copy', ...more, reference, to]).ended;
        expect(status, stderr).to.equal(0);
      }
    });
    after(async () => {
      await registry?.close();
      if (root !== '') await rm(root, { recursive: true, force: true });
    });
    const leavesNothing = (): void => {
      expect(running(mark)).to.deep.equal([]);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(root);
      const sandboxes = place('cache/sandbox');
      for (const kind of readdirSync(sandboxes)) {
        const work = join(sandboxes, kind, 'work');
        if (existsSync(work)) expect(readdirSync(work), kind).to.deep.equal([]);
      }
      expect(readdirSync(place('tmp'))).to.deep.equal([]);
      expect(readdirSync(place('cache/leases'))).to.deep.equal([]);
    };

    const sources = ['registry', 'oci', 'oci-archive', 'docker-archive'] as const;
    for (const kind of sources) {
      it(`runs an image for another processor: ${kind}`, async () => {
        const image = kind === 'registry' ? reference : `${kind}:${place(`image-${kind}`)}`;
        const { status, stdout, stderr } = await run('--engine', 'embedded', ...arm, image);
        expect(stdout, stderr).to.equal('armv7l\n');
        expect(status).to.equal(0);
        leavesNothing();
      });
    }

    it('is chosen where no engine answers', async function () {
      if (['/var/run/docker.sock', '/run/podman/podman.sock'].some((path) => existsSync(path)))
        return this.skip();
      const env = { DOCKER_HOST: '' };
      const { status, stdout, stderr } = await command.start(user, ['run', ...arm, reference], { env }).ended;
      expect(stdout, stderr).to.equal('armv7l\n');
      expect(status).to.equal(0);
    });

    it('is not chosen where an engine is named that does not answer', async () => {
      const { status, stderr } = await run(...arm, reference);
      expect(stderr).to.match(/ENGINE_UNREACHABLE/);
      expect(status).to.equal(3);
    });

    it('runs the machine’s own without --platform, and passes variables and the exit code on', async () => {
      const args = ['--engine', 'embedded', '-e', 'A=b', '--rm', reference];
      const { status, stdout, stderr } = await run(...args, '--', 'uname -m; echo $A; echo no >&2; exit 7');
      expect(stdout).to.equal('x86_64\nb\n');
      expect(stderr).to.match(/^no$/m);
      expect(status).to.equal(7);
      leavesNothing();
    });

    it('fetches layers once', async () => {
      const image = `oci:${place('image-oci')}`;
      await rm(place('image-oci'), { recursive: true });
      expect(await run(...arm, image)).to.have.property('status', 2);
      await command.start(user, ['copy', reference, image]).ended;
      await registry?.close();
      registry = undefined;
      expect(await run(...arm, image)).to.include({ status: 0, stdout: 'armv7l\n' });
    });

    for (const [signal, code] of [
      ['SIGTERM', 5],
      ['SIGINT', 6],
    ] as const) {
      it(`passes ${signal} on, and is gone when the program is`, async () => {
        const program = `trap 'exit 5' TERM; trap 'exit 6' INT; setsid sleep ${mark} & while :; do sleep 0.1; done`;
        const started = command.start(user, ['run', ...arm, `oci:${place('image-oci')}`, '--', program]);
        await eventually(async () => expect(running(mark)).to.not.have.length(0));
        started.kill(signal);
        const { status, stderr } = await started.ended;
        expect(status, stderr).to.equal(code);
        leavesNothing();
      });
    }

    it('ends what does not listen at the second signal', async () => {
      const program = `trap '' TERM; setsid sleep ${mark} & while :; do sleep 0.1; done`;
      const image = `oci:${place('image-oci')}`;
      const started = command.start(user, ['run', ...arm, image, '--', program]);
      await eventually(async () => expect(running(mark)).to.not.have.length(0));
      started.kill('SIGTERM');
      // One signal that comes twice at a time is one.
      const again = setInterval(() => started.kill('SIGTERM'), 200);
      const { status } = await started.ended;
      clearInterval(again);
      expect(status).to.equal(130);
      await eventually(async () => expect(running(mark)).to.deep.equal([]));
      // Its folders are deleted by the next one.
      expect(await run(...arm, image)).to.have.property('status', 0);
      leavesNothing();
    });

    const refusals: readonly (readonly [string, readonly string[], number, RegExp])[] = [
      ['an image that is not there', ['oci:nothing'], 2, /nothing/],
      ['no place for an image', ['oci:./'], 2, /LAYOUT_INVALID/],
      ['a platform that the image lacks', ['--platform', 'linux/arm64', 'IMAGE'], 1, /PLATFORM_MISSING/],
      ['a program that is not there', ['--entrypoint', 'nothing', 'IMAGE'], 127, /could not start nothing/],
      ['a port as another one', ['-p', '8080:80', 'IMAGE'], 3, /at its own port, 80/],
      ['a folder of the machine', ['-v', '/tmp:/mnt', 'IMAGE'], 3, /leave out --volume/],
      ['another engine', ['--engine', 'classic', 'IMAGE'], 2, /--engine/],
    ];
    for (const [name, args, code, message] of refusals) {
      it(`refuses ${name}`, async () => {
        const { status, stderr } = await run(
          ...args.map((word) => (word === 'IMAGE' ? `oci:${place('image-oci')}` : word)),
        );
        expect(stderr).to.match(message);
        expect(status).to.equal(code);
        leavesNothing();
      });
    }

    it('answers as docs/embedded-engine.md shows', async () => {
      const page = await readFile(join(repositoryRoot, 'docs/embedded-engine.md'), 'utf8');
      const section = page.split('## Running an image')[1]?.split('\n## ')[0] ?? '';
      const [, shown = ''] = /^```console\n([\s\S]*?)^```$/m.exec(section) ?? [];
      const runs = shown.split(/^\$ mabuild /m).slice(1);
      expect(runs).to.have.length(2);
      for (const one of runs) {
        const [line = '', ...output] = one.trimEnd().split('\n');
        const args = line.replace('oci:./image', `oci:${place('image-oci')}`);
        const words = [...args.matchAll(/'([^']*)'|(\S+)/g)].map(
          ([, quoted, plain]) => quoted ?? plain ?? '',
        );
        const { stdout, stderr } = await command.start(user, words).ended;
        expect(stdout.trimEnd(), stderr).to.equal(output.join('\n'));
      }
    });
  });
}

function running(word: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').includes(word);
    } catch {
      return false;
    }
  });
}
