import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { readTarEntries } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../support/debs.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { type InstalledCommand, installCommand } from '../../support/installed-command.ts';
import { makeImage } from '../../support/made-image.ts';
import { publish } from '../../support/published.ts';
import { busyboxRoot, file, folder, placeProot } from '../../support/sandbox.ts';
import { sandboxUsers } from '../../support/sandbox-users.ts';

/** Finds what a RUN left running among all processes. */
const mark = String(100_000 + Math.floor(Math.random() * 800_000));
const user = 'nobody, without namespaces';
const platforms = { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'armhf' };
const machines = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64', 'linux/arm/v7': 'armv7l' };
const suffixes: Readonly<Record<string, string>> = {
  'linux/amd64': 'amd64',
  'linux/arm64': 'arm64v8',
  'linux/arm/v7': 'arm32v7',
};

/** Everything that RUN has, as far as proot can. */
const dockerfile = (base: string): string => `FROM --platform=$BUILDPLATFORM ${base} AS tools
RUN mkdir /made && uname -m >/made/built-on
FROM ${base}
COPY --chown=1000:1001 --chmod=0600 mine /mine
RUN uname -m >/machine && cat /etc/shadow >/dev/null && echo more >>/etc/shadow && rm -r /closed/kept
RUN --mount=type=bind,from=tools,source=/made,target=/in --mount=type=bind,source=mine,target=/context cat /in/built-on /context >/mounted
RUN --mount=type=secret,id=token,required=true cat /run/secrets/token | tr a-z A-Z >/loud
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/scratch echo kept >/cache/a && echo gone >/scratch/a
RUN --mount=type=cache,target=/cache cat /cache/a >/from-cache; (sleep ${mark} &); chown 5:6 /machine
WORKDIR /work
USER app
RUN id -u >by-app && pwd >where && chmod 4711 where
`;

(sandboxUsers().includes(user) ? describe : describe.skip)(
  'a build with proot, as an ordinary user',
  function () {
    this.timeout(300_000);
    let root = '';
    let base = '';
    let registry: TestRegistry | undefined;
    let command: InstalledCommand;

    before(async function () {
      if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
      if (!existsSync('/usr/bin/qemu-arm-static')) return this.skip();
      root = await mkdtemp(join(tmpdir(), 'mabuild-proot-'));
      await chmod(root, 0o755);
      registry = await startTestRegistry();
      base = `${registry.host}/library/busybox:1`;
      const recipes = await Promise.all(
        Object.entries(platforms).map(async ([platform, debian]) => {
          const entries = [
            ...(await busyboxRoot(await debTree('busybox-static', debian))),
            file('etc/shadow', 'root:*:::::::\n', { mode: 0, gid: 42 }),
            folder('closed', { mode: 0o500, uid: 7 }),
            file('closed/kept', 'x', { mode: 0 }),
            folder('work', { uid: 1000, gid: 1001 }),
          ];
          return { platform, layers: [await buffer(Readable.from(layerTar(entries)))] };
        }),
      );
      await publish(makeImage(...recipes), base);
      command = await installCommand(root);
      const home = command.home(user);
      await placeProot(root);
      await cp(join(root, 'proot'), join(home, 'cache/programs/proot'), { recursive: true });
      await chown(home, 65534, 65534);
      await chown(join(home, 'cache'), 65534, 65534);
    });
    after(async () => {
      await registry?.close();
      if (root !== '') await rm(root, { recursive: true, force: true });
    });

    let contexts = 0;
    const build = async (content: string, args: readonly string[]) => {
      contexts += 1;
      const context = join(root, `context-${contexts}`);
      await writeContext(context, { Dockerfile: content, mine: 'mine\n' });
      await chmod(context, 0o755);
      return await command.start(user, ['build', '--engine', 'embedded', ...args, context]).ended;
    };

    it('builds three platforms, each with its own programs', async () => {
      const token = join(root, 'token');
      await writeContext(root, { token: 'hidden' });
      const out = join(command.home(user), 'out');
      const { status, stderr } = await build(dockerfile(base), [
        ...['--platform', Object.keys(platforms).join(), '--secret', `id=token,src=${token}`],
        ...['-o', `tar:${out}`],
      ]);
      expect(status, stderr).to.equal(0);
      expect(stderr).to.match(/RUN is executed with proot, which is incomplete/);
      for (const [platform, machine] of Object.entries(machines)) {
        const files = await filesOf(`${out}-${suffixes[platform]}`);
        expect(files, platform).to.deep.equal({
          mine: '600 1000:1001 mine\n',
          machine: `644 0:0 ${machine}\n`,
          // Its owner and its mode stay, though RUN wrote to it.
          'etc/shadow': '0 0:42 root:*:::::::\nmore\n',
          'closed/': '500 7:0',
          mounted: '644 0:0 x86_64\nmine\n',
          loud: '644 0:0 HIDDEN',
          'from-cache': '644 0:0 kept\n',
          'work/': '755 1000:1001',
          'work/by-app': '644 1000:1001 1000\n',
          'work/where': '4711 1000:1001 /work\n',
        });
      }
      expect(leftRunning()).to.deep.equal([]);
    });

    const failures: readonly (readonly [name: string, run: string, code: number, says: RegExp])[] = [
      ['its exit code', 'RUN exit 7', 1, /exit code 7/],
      ['a program that is not there', 'RUN ["nothing"]', 1, /could not start nothing: no such file/],
      [
        'what needs a namespace, before anything is executed',
        'RUN echo was executed $((1+1)) times\nUSER app\nRUN --network=none true',
        3,
        /^(?!.*was executed 2 times).*at line 4 \(RUN\): --network=none cannot be done here: RUN is executed with proot.*`mabuild doctor` says/s,
      ],
      ['what it cannot do: mount', 'RUN mount -t tmpfs x /mnt', 1, /exit code/],
    ];
    for (const [name, run, code, says] of failures) {
      it(`tells ${name}`, async () => {
        const layout = join(command.home(user), 'never');
        const args = ['--platform', 'linux/arm/v7', '-o', `oci:${layout}`];
        const { status, stderr } = await build(`FROM ${base}\n${run}\n`, args);
        expect(stderr).to.match(says);
        expect(status).to.equal(code);
      });
    }

    it('is told from doctor, with what would allow a better one', async () => {
      const { stdout } = await command.start(user, ['doctor']).ended;
      expect(stdout).to.match(/Sandbox: +user-namespace, overlay: not used: .*could not make namespaces/);
      expect(stdout).to.match(/Sandbox: +proot, copy: used for RUN/);
      expect(stdout).to.match(/linux\/arm\/v7 +yes +proot starts every program through /);
      expect(stdout).to.match(/Next: .*sysctl user.max_user_namespaces=/);
      expect(stdout).to.match(/Next: .*proot, which is slow and incomplete/);
    });

    it('is asked for where there is none', async function () {
      if (existsSync('/usr/bin/proot')) return this.skip();
      const home = join(root, 'empty-home');
      await mkdir(join(home, 'tmp'), { recursive: true });
      for (const path of [home, join(home, 'tmp')]) await chown(path, 65534, 65534);
      const context = join(root, `context-${contexts}`);
      await writeContext(context, { Dockerfile: `FROM ${base}\nRUN true\n` });
      const args = [
        'build',
        '--engine',
        'embedded',
        '--platform',
        'linux/amd64',
        '-o',
        `oci:${home}/never`,
        context,
      ];
      const { status, stderr } = await command.start(user, args, { home }).ended;
      expect(stderr)
        .to.match(/there is no proot/)
        .and.match(/`mabuild emulator fetch proot`/);
      expect(status).to.equal(3);
    });
  },
);

/** What is not the base's own: mode, owner and content. */
async function filesOf(tar: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const { name, mode, uid, gid, type, body } of readTarEntries(createReadStream(tar))) {
    const path = name.replace(/^\.?\//, '');
    if (/^(?:(?:bin|root|tmp|etc)\/?|)$/.test(path) || /^bin\/|^etc\/(?:passwd|group)$/.test(path)) continue;
    const content = type === 'file' ? ` ${await text(body)}` : '';
    found[type === 'directory' ? `${path.replace(/\/$/, '')}/` : path] =
      `${mode.toString(8)} ${uid}:${gid}${content}`;
  }
  return found;
}

function leftRunning(): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').includes(mark);
    } catch {
      return false;
    }
  });
}
