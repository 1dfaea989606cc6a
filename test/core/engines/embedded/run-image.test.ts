import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { expect } from 'chai';
import { findQemu } from '../../../../packages/core/src/emulation/qemu.ts';
import { layerTar } from '../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import type { ContainerAnswer, ContainerJob, ContainerRun } from '../../../support/container-messages.ts';
import { debTree, hasDebs } from '../../../support/debs.ts';
import {
  bundled,
  busyboxRoot,
  helperFolder,
  removeFolder,
  sandboxOptions,
} from '../../../support/sandbox.ts';
import { onlyFor, sandboxUsers, userCommand } from '../../../support/sandbox-users.ts';

interface Row extends ContainerRun {
  readonly name: string;
  /** Of stdout. */
  readonly says?: string;
  /** @default 0 */
  readonly ends?: number;
  /** Code and message of the error. */
  readonly fails?: readonly [string, RegExp];
  /** Of stderr. */
  readonly complains?: RegExp;
  /** Needs more than one user. */
  readonly users?: true;
  /** Holds for one user alone. */
  readonly alone?: true;
}

const shell = { Entrypoint: ['/bin/sh', '-c'], Env: ['PATH=/bin'] };
const mark = String(100_000 + Math.floor(Math.random() * 800_000));
const waits = `setsid sleep ${mark} & echo ready; while :; do sleep 0.1; done`;

const rows: readonly Row[] = [
  { name: 'ENTRYPOINT and CMD', config: { ...shell, Cmd: ['echo $0', 'cmd'] }, says: 'cmd\n' },
  {
    name: 'a command instead of CMD',
    config: { ...shell, Cmd: ['echo cmd'] },
    request: { command: ['echo given'] },
    says: 'given\n',
  },
  {
    name: 'another program, without the image’s arguments',
    config: { ...shell, Cmd: ['echo cmd'] },
    request: { entrypoint: ['/bin/echo'] },
    says: '\n',
  },
  {
    name: 'no program but the command',
    config: shell,
    request: { entrypoint: [''], command: ['echo', 'alone'] },
    says: 'alone\n',
  },
  {
    name: 'a program on the image’s PATH',
    config: { Cmd: ['busybox', 'echo', 'found'] },
    says: 'found\n',
  },
  {
    name: 'variables, those that are given over the image’s',
    config: { ...shell, Env: ['PATH=/bin', 'A=image', 'B=image=1'], Cmd: ['echo $A $B $HOME'] },
    request: { environment: { A: 'given' } },
    says: 'given image=1 /root\n',
  },
  { name: 'WORKDIR', config: { ...shell, WorkingDir: '/tmp', Cmd: ['pwd'] }, says: '/tmp\n' },
  {
    name: 'a WORKDIR that is not there',
    config: { ...shell, WorkingDir: '/new/folder', Cmd: ['pwd; ls -a | wc -l'] },
    says: '/new/folder\n2\n',
  },
  {
    name: 'USER by its name',
    config: { ...shell, User: 'app', Cmd: ['id -u; id -g; echo $HOME'] },
    users: true,
    says: '1000\n1001\n/home/app\n',
  },
  {
    name: 'USER where there is one user only, pretended by proot',
    config: { ...shell, User: 'app', Cmd: ['id -u'] },
    alone: true,
    says: '1000\n',
  },
  {
    name: 'both streams',
    config: { ...shell, Cmd: ['echo out; echo err >&2'] },
    says: 'out\n',
    complains: /^err$/m,
  },
  {
    name: 'no input but that which is given',
    config: { ...shell, Cmd: ['cat; echo end'] },
    says: 'end\n',
  },
  {
    name: 'input',
    config: { ...shell, Cmd: ['read line; echo "[$line]"; cat; exit 3'] },
    input: { text: 'one\ntwo\n' },
    says: '[one]\ntwo\n',
    ends: 3,
  },
  {
    name: 'input without a byte',
    config: { ...shell, Cmd: ['wc -c'] },
    input: { text: '', times: 0 },
    says: '0\n',
  },
  {
    name: 'more input than a pipe holds',
    config: { ...shell, Cmd: ['sleep 0.1; md5sum; wc -c'] },
    input: { text: 'line\n'.repeat(20_000), times: 30 },
    says: 'aac73020a752d9bc9d3efffb078419a2  -\n0\n',
  },
  {
    name: 'more input than is read',
    config: { ...shell, Cmd: ['head -c 5'] },
    input: { text: 'line\n'.repeat(20_000), times: 30 },
    says: 'line\n',
  },
  {
    name: 'input that does not end',
    config: { ...shell, Cmd: ['read line; echo $line'] },
    input: { text: 'one\n', endless: true },
    says: 'one\n',
  },
  { name: 'its exit code', config: { ...shell, Cmd: ['exit 7'] }, ends: 7 },
  { name: 'a program that a signal ended', config: { ...shell, Cmd: ['kill -9 $$'] }, ends: 137 },
  {
    name: 'what it writes, first',
    config: { ...shell, Cmd: ['echo x >/written; echo x >/etc/group; cat /written'] },
    says: 'x\n',
  },
  {
    name: 'what it wrote is gone',
    config: { ...shell, Cmd: ['test -e /written || head -n 1 /etc/group'] },
    says: 'root:x:0:\n',
  },
  {
    name: 'SIGTERM',
    config: { ...shell, Cmd: [`trap 'echo ended; exit 3' TERM; ${waits}`] },
    stop: { after: 'ready', signal: 15 },
    says: 'ready\nended\n',
    ends: 3,
  },
  {
    name: 'SIGINT',
    config: { ...shell, Cmd: [`trap 'echo ended; exit 4' INT; ${waits}`] },
    stop: { after: 'ready', signal: 2 },
    says: 'ready\nended\n',
    ends: 4,
  },
  {
    name: 'SIGTERM that nothing awaits',
    config: { ...shell, Cmd: [waits] },
    stop: { after: 'ready', signal: 15 },
    says: 'ready\n',
    ends: 143,
  },
  {
    name: 'a program that is not there',
    config: { Cmd: ['no-such-program'] },
    ends: 127,
    complains: /could not start no-such-program: no such file or directory/,
  },
  {
    name: 'a file that is no program',
    config: { Cmd: ['/etc/passwd'] },
    ends: 126,
    complains: /permission denied/,
  },
  { name: 'an image without a command', fails: ['USAGE', /names no command/] },
  {
    name: 'a user that is not there',
    config: { ...shell, User: 'nobody-such', Cmd: ['id'] },
    fails: ['INVALID_CONFIG', /no user "nobody-such"/],
  },
  {
    name: 'another port',
    config: { ...shell, Cmd: ['id'] },
    request: { ports: ['8080:80'] },
    fails: ['ENGINE_CANNOT', /8080:80/],
  },
  {
    name: 'an address to publish at',
    config: { ...shell, Cmd: ['id'] },
    request: { ports: ['127.0.0.1:80:80'] },
    fails: ['ENGINE_CANNOT', /127\.0\.0\.1:80:80/],
  },
  {
    name: 'no port',
    config: { ...shell, Cmd: ['id'] },
    request: { ports: ['http'] },
    fails: ['INVALID_PORT', /'http'/],
  },
  {
    name: 'its own port',
    config: { ...shell, Cmd: ['echo yes'] },
    request: { ports: ['80:80'] },
    says: 'yes\n',
  },
  {
    name: 'folders of the machine',
    config: { ...shell, Cmd: ['id'] },
    request: { binds: ['/tmp:/mnt'] },
    fails: ['ENGINE_CANNOT', /mounts no folders/],
  },
  {
    name: 'a platform that nothing runs',
    platform: { os: 'linux', architecture: 'sparc64' },
    config: { ...shell, Cmd: ['id'] },
    fails: ['EMULATION_MISSING', /linux\/sparc64/],
  },
];

for (const user of sandboxUsers()) {
  describe(`running an image, ${user}`, function () {
    this.timeout(300_000);
    let root = '';
    let server: Server | undefined;
    const results = new Map<Row, ContainerAnswer>();
    const isAlone = user === 'nobody, alone' || user === 'nobody, without namespaces';
    const here = rows
      .filter((row) => row.users !== true || !isAlone)
      .filter((row) => row.alone !== true || user === 'nobody, alone');
    let run: (runs: readonly ContainerRun[]) => Promise<readonly ContainerAnswer[]>;
    let cache = '';

    before(async function () {
      if (process.platform !== 'linux' || !(await hasDebs())) return this.skip();
      const { folder, helper } = await helperFolder();
      root = folder;
      const driver = await bundled('test/support/container-driver.ts', root);
      const layer = await tarOf('busybox', process.arch === 'x64' ? 'amd64' : process.arch);
      const as = await userCommand(root);
      cache = join(as.folder(user), 'cache');
      run = async (runs) => {
        const [command = '', ...given] = as.command(user, [process.execPath, driver]);
        const child = spawn(command, given, { stdio: 'pipe', cwd: '/' });
        const options = { only: onlyFor(user) };
        child.stdin.end(
          JSON.stringify({ helper, directory: cache, options, layer, runs } satisfies ContainerJob),
        );
        const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
        if (output === '') throw new Error(`the driver said: ${errors}`);
        return JSON.parse(output) as readonly ContainerAnswer[];
      };
      const answers = await run(here);
      for (const [index, row] of here.entries()) results.set(row, answers[index] as ContainerAnswer);
    });
    after(async () => {
      server?.close();
      if (root !== '') await removeFolder(root);
    });

    const tarOf = async (name: string, debian: string): Promise<string> => {
      const path = join(root, `${name}.tar`);
      const entries = await busyboxRoot(await debTree('busybox-static', debian));
      writeFileSync(path, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
      return path;
    };

    for (const row of here) {
      it(row.name, () => {
        const { code, error, stdout, stderr } = results.get(row) as ContainerAnswer;
        if (row.fails) {
          expect(error?.code, stderr).to.equal(row.fails[0]);
          expect(error?.message).to.match(row.fails[1]);
          return;
        }
        expect(error, stderr).to.equal(undefined);
        expect(stdout).to.equal(row.says ?? '');
        expect(code, stderr).to.equal(row.ends ?? 0);
        if (row.complains) expect(stderr).to.match(row.complains);
      });
    }

    it('opens its input again, where there is a /proc', async function () {
      const kinds = readdirSync(cache);
      if (kinds.some((name) => name.startsWith('chroot'))) return this.skip();
      const config = { ...shell, Cmd: ['sleep 0.1; cat /dev/stdin'] };
      const [answer] = await run([{ config, input: { text: 'again' } }]);
      expect(answer, answer?.stderr).to.include({ stdout: 'again', code: 0 });
    });

    it('leaves nothing: no process, no mount, no file', () => {
      expect(processes(mark)).to.deep.equal([]);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(root);
      for (const kind of readdirSync(cache).filter((name) => existsSync(join(cache, name, 'work'))))
        expect(readdirSync(join(cache, kind, 'work')), kind).to.deep.equal([]);
      expect(existsSync(`${cache}-temporary`) ? readdirSync(`${cache}-temporary`) : []).to.deep.equal([]);
    });

    it('has this machine’s network', async () => {
      server = createServer((socket) => socket.end('reached\n')).listen(0, '127.0.0.1');
      await new Promise((resolve) => server?.once('listening', resolve));
      const { port } = server.address() as { port: number };
      const [answer] = await run([{ config: { ...shell, Cmd: [`nc 127.0.0.1 ${port}`] } }]);
      expect(answer).to.include({ stdout: 'reached\n', code: 0 });
    });

    it('is ended when it does not listen', async () => {
      const config = { ...shell, Cmd: [`trap '' TERM; ${waits}`] };
      const [answer] = await run([{ config, stop: { after: 'ready', signal: 15 } }]);
      expect(answer?.error?.message).to.equal('stopped');
      expect(processes(mark)).to.deep.equal([]);
      for (const kind of readdirSync(cache).filter((name) => existsSync(join(cache, name, 'work'))))
        expect(readdirSync(join(cache, kind, 'work')), kind).to.deep.equal([]);
    });

    it('runs arm/v7 through an emulator', async function () {
      if (process.arch !== 'x64') return this.skip();
      const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
      const { platform: host, emulators: directories } = sandboxOptions('', '');
      const qemu = await findQemu({ platform, host, directories }).catch(() => undefined);
      if (qemu === undefined) return this.skip();
      const layer = await tarOf('armhf', 'armhf');
      const config = { ...shell, Cmd: ['uname -m; exit 5'] };
      const [answer, stopped] = await run([
        { layer, platform, config },
        {
          ...{ layer, platform, stop: { after: 'ready', signal: 15 } },
          config: { ...shell, Cmd: [`trap 'exit 6' TERM; ${waits}`] },
        },
      ]);
      expect(answer, answer?.stderr).to.include({ stdout: 'armv7l\n', code: 5 });
      expect(stopped, stopped?.stderr).to.include({ code: 6 });
      expect(processes(mark)).to.deep.equal([]);
    });
  });
}

/** Processes whose arguments have a word. */
function processes(word: string): readonly string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      return line.split('\0').includes(word) ? [line] : [];
    } catch {
      return [];
    }
  });
}
