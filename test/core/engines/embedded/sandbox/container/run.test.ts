import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import { must } from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/kernel.ts';
import { syscallProgram } from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/syscall-program.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import {
  busyboxRoot,
  file,
  folder,
  helperFolder,
  removeFolder,
  symlink,
} from '../../../../../support/sandbox.ts';
import type { DriverCommand, DriverResult } from '../../../../../support/sandbox-messages.ts';
import { sandboxUsers, type UserDriver, userDriver } from '../../../../../support/sandbox-users.ts';

interface Row {
  readonly name: string;
  readonly command: DriverCommand['command'];
  readonly how?: Partial<DriverCommand>;
  /** More layers on busybox's root. */
  readonly on?: readonly (readonly LayerEntry[])[];
  /** Of stdout. */
  readonly says?: string | RegExp;
  /** Changes, as `changesOf` shows them. */
  readonly changes?: readonly string[];
  readonly ends?: number;
  /** Needs more than one user. */
  readonly users?: true;
  /** Needs namespaces. */
  readonly apart?: true;
  /** Needs more of the kernel than an ordinary user gets. */
  readonly privileged?: true;
  /** Also holds elsewhere. */
  readonly check?: (result: DriverResult) => void;
}

const app = { uid: 1000, gid: 1001, groups: [44] };
const base = [
  folder('d', { mode: 0o755 }),
  file('d/a', 'a'),
  file('d/b', 'b'),
  folder('d/sub'),
  file('d/sub/c', 'c'),
  symlink('s', 'd'),
];

/** cap_net_bind_service=ep, revision 2: Linux, `include/uapi/linux/capability.h`. */
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');

/** What a RUN sees. */
const sees: readonly Row[] = [
  { name: 'its own processes only', apart: true, command: 'ls -d /proc/[0-9]* | wc -l', says: /^[34]\n$/ },
  {
    name: 'an environment of its own',
    command: '/bin/busybox env',
    how: { environment: { A: '1', PATH: '/bin' } },
    says: /^(?=.*^A=1$)(?!.*^(?:HOME|USER|MABUILD\w*|SSH\w*)=)/ms,
  },
  {
    name: 'no files of the machine',
    apart: true,
    command: 'ls -a /',
    says: '.\n..\n.dockerenv\nbin\ndev\netc\nproc\nroot\nsys\ntmp\n',
  },
  {
    name: 'no mounts of the machine',
    privileged: true,
    command:
      "grep -v -E ' (/|/proc[^ ]*|/dev[^ ]*|/sys[^ ]*|/etc/(resolv.conf|hosts)|/.dockerenv) ' /proc/mounts; true",
    says: '',
  },
  {
    name: 'docker’s devices',
    apart: true,
    command: 'cd /dev; echo *',
    says: 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n',
  },
  {
    name: 'devices that work',
    command: 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c',
    says: '3\n4\n',
  },
  { name: 'standard streams in /dev', command: 'echo hello >/dev/stdout', says: 'hello\n' },
  { name: 'nothing on its stdin', command: 'cat | wc -c', says: '0\n' },
  { name: 'its host name', apart: true, command: 'hostname', says: 'buildkitsandbox\n' },
  { name: 'hosts', command: 'cat /etc/hosts', says: /localhost/ },
  { name: '/.dockerenv', command: 'test -f /.dockerenv && echo yes', says: 'yes\n' },
  {
    name: '/sys read-only',
    apart: true,
    command: 'echo 1 >/sys/kernel/profiling || echo no; ls /sys | wc -l',
    says: /^no\n[1-9]\d*\n$/,
  },
  { name: '/proc/sys read-only', command: 'echo x >/proc/sys/kernel/hostname || echo no', says: 'no\n' },
  { name: 'a umask of 022', command: 'umask', says: '0022\n' },
  { name: 'its working directory', command: 'pwd', how: { directory: '/tmp' }, says: '/tmp\n' },
  {
    name: 'docker’s capabilities',
    apart: true,
    command: 'grep CapEff /proc/self/status',
    says: 'CapEff:\t00000000a80425fb\n',
  },
  { name: 'root', command: 'id -u; id -g', says: '0\n0\n' },
  {
    name: 'USER with its groups',
    apart: true,
    command: 'id; grep Cap[PE] /proc/self/status',
    how: { user: app },
    users: true,
    says: 'uid=1000(app) gid=1001(app) groups=44(extra)\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n',
  },
  {
    name: 'shared memory',
    apart: true,
    command: 'df /dev/shm | grep -c shm; echo x >/dev/shm/x',
    says: '1\n',
    changes: [],
  },
  {
    name: 'no network where there is to be none',
    apart: true,
    command: 'ip addr | grep -c inet\\ ; ip link | grep -c mtu; cat /etc/resolv.conf',
    how: { network: 'none' },
    says: '1\n1\n',
  },
  {
    name: 'files through a link in a layer above',
    command: 'cat /s/x',
    on: [base, [file('s/x', 'through')]],
    says: 'through',
  },
  {
    name: 'set-user-id programs that work',
    privileged: true,
    command: ['/become-root'],
    how: { user: app },
    users: true,
    on: [[becomeRoot(0o4755)]],
  },
  {
    name: 'other programs that cannot become root',
    command: ['/become-root'],
    how: { user: app },
    users: true,
    on: [[becomeRoot(0o755)]],
    ends: 125,
  },
  {
    name: 'no way to make a device that opens',
    command: 'mknod /x b 254 0 2>/dev/null; cat /x >/dev/null 2>&1 || echo no',
    says: 'no\n',
  },
  { name: 'no way to mount', command: 'mount -t tmpfs x /tmp || echo no', says: 'no\n' },
  { name: 'an exec form without a shell', command: ['echo', 'a b', '$HOME'], says: 'a b $HOME\n' },
];

/** How a RUN ends. */
const endings: readonly Row[] = [
  { name: 'its exit code', command: 'exit 3', ends: 3 },
  { name: '125, which helpers use too', command: 'exit 125', ends: 125 },
  { name: '128 and its signal', command: 'kill -9 $$', ends: 137 },
  {
    name: 'what it starts in the background is ended',
    command: 'sleep 1000 & echo on',
    says: 'on\n',
    changes: [],
  },
  {
    name: 'what another user starts in the background is ended',
    command: 'sleep 1000 & setsid sleep 1000 & echo on',
    how: { user: { uid: 1000, gid: 1000, groups: [] } },
    users: true,
    says: 'on\n',
    changes: [],
  },
  {
    name: 'a program that is not there',
    command: ['nothing'],
    check: (result) => expect(result).to.include({ kind: 'not-started', purpose: 'start nothing', errno: 2 }),
  },
  {
    name: 'a file that is no program',
    command: ['/etc/passwd'],
    check: (result) => expect(result).to.include({ kind: 'not-started', errno: 13 }),
  },
  {
    name: 'a directory that is not there',
    command: 'true',
    how: { directory: '/nowhere' },
    check: (result) =>
      expect(result).to.include({ kind: 'not-started', purpose: 'enter /nowhere', errno: 2 }),
  },
];

/** What changes become in the layer. */
const changes: readonly Row[] = [
  { name: 'nothing', command: 'true', changes: [] },
  { name: 'a new file', command: 'echo x >/n', changes: ['file n 644 0:0 "x\\n"'] },
  {
    name: 'a new file in a folder',
    command: 'echo x >/d/n',
    changes: ['directory d 755 0:0', 'file d/n 644 0:0 "x\\n"'],
  },
  {
    name: 'a file changed',
    command: 'echo x >>/d/a',
    changes: ['directory d 755 0:0', 'file d/a 644 0:0 "ax\\n"'],
  },
  { name: 'a file deleted', command: 'rm /d/a', changes: ['directory d 755 0:0', 'whiteout d/a'] },
  { name: 'a folder deleted', command: 'rm -r /d', changes: ['whiteout d'] },
  { name: 'a file made and deleted', command: 'echo x >/d/n; rm /d/n', changes: [] },
  {
    name: 'a folder replaced by a file',
    command: 'rm -r /d; echo x >/d',
    changes: ['file d 644 0:0 "x\\n"'],
  },
  {
    name: 'a file replaced by a folder',
    command: 'rm /d/a; mkdir /d/a',
    changes: ['directory d 755 0:0', 'directory d/a 755 0:0'],
  },
  {
    name: 'a folder emptied and made anew',
    command: 'rm -r /d; mkdir /d; echo x >/d/n',
    changes: ['directory d 755 0:0', 'opaque d', 'file d/n 644 0:0 "x\\n"'],
  },
  {
    name: 'new folders',
    command: 'mkdir -p /n/m',
    changes: ['directory n 755 0:0', 'directory n/m 755 0:0'],
  },
  {
    name: 'hard links',
    command: 'echo x >/n; ln /n /m; ln /n /d/o',
    changes: ['directory d 755 0:0', 'file d/o 644 0:0 "x\\n"', 'link m -> d/o', 'link n -> d/o'],
  },
  {
    name: 'a symlink',
    command: 'ln -s ../else /d/l',
    changes: ['directory d 755 0:0', 'symlink d/l -> ../else'],
  },
  { name: 'a mode', command: 'chmod 600 /d/a', changes: ['directory d 755 0:0', 'file d/a 600 0:0 "a"'] },
  { name: 'the mode of a folder', command: 'chmod 700 /d', changes: ['directory d 700 0:0'] },
  {
    name: 'set-user-id and sticky',
    command: 'echo x >/n; chmod 4755 /n; mkdir /t; chmod 1777 /t',
    changes: ['file n 4755 0:0 "x\\n"', 'directory t 1777 0:0'],
  },
  {
    name: 'an owner',
    privileged: true,
    command: 'chown 1000:1001 /d/a',
    users: true,
    changes: ['directory d 755 0:0', 'file d/a 644 1000:1001 "a"'],
  },
  {
    name: 'what USER makes',
    command: 'echo x >/tmp/n',
    how: { user: app },
    users: true,
    changes: ['directory tmp 1777 0:0', 'file tmp/n 644 1000:1001 "x\\n"'],
  },
  { name: 'a fifo', command: 'mkfifo /p', changes: ['fifo p 644 0:0'] },
  {
    name: 'extended attributes and capabilities',
    privileged: true,
    command: ['/set-attributes'],
    on: [base, [setAttributes()]],
    check: (result) => {
      if (result.kind !== 'changed') throw new Error(JSON.stringify(result));
      expect(result.entries.map(({ path, xattrs }) => [path, xattrs])).to.deep.equal([
        ['d', undefined],
        ['d/a', { 'user.a': 'Yg==', 'security.capability': capability.toString('base64') }],
      ]);
    },
  },
  {
    name: 'a moved folder',
    command: 'mv /d /e',
    changes: [
      'whiteout d',
      'directory e 755 0:0',
      'file e/a 644 0:0 "a"',
      'file e/b 644 0:0 "b"',
      'directory e/sub 755 0:0',
      'file e/sub/c 644 0:0 "c"',
    ],
  },
  {
    name: 'a name with spaces and a line end',
    command: "echo x >'/a b\nc'",
    changes: ['file a b\nc 644 0:0 "x\\n"'],
  },
  { name: 'files that are mounted over are left alone', command: 'ls /etc >/dev/null', changes: [] },
  {
    name: 'a file beside those that are mounted',
    command: 'echo x >/etc/n',
    changes: ['directory etc 755 0:0', 'file etc/n 644 0:0 "x\\n"'],
  },
  {
    name: 'what an earlier layer deleted stays deleted',
    command: 'ls /d; cat /d/a 2>/dev/null || echo gone',
    on: [base, [{ ...file('d/a'), type: 'whiteout' }]],
    says: 'b\nsub\ngone\n',
    changes: [],
  },
  {
    name: 'what an earlier layer hid stays hidden',
    command: 'ls /d',
    on: [base, [folder('d'), { ...folder('d'), type: 'opaque' }, file('d/n')]],
    says: 'n\n',
    changes: [],
  },
];

const cache = {
  kind: 'cache',
  target: '/c',
  name: 'one',
  path: '',
  readOnly: false,
  mode: 0o755,
  uid: 0,
  gid: 0,
} as const;

const mountRows: readonly Row[] = [
  {
    name: 'tmpfs',
    apart: true,
    command: 'echo x >/mnt/t/x; df /mnt/t | grep -c tmpfs',
    how: { mounts: [{ kind: 'tmpfs', target: '/mnt/t' }] },
    says: '1\n',
    changes: [],
  },
  {
    name: 'a secret',
    command: 'cat /run/secrets/s; stat -c %a:%u /run/secrets/s',
    how: {
      mounts: [
        {
          kind: 'secret',
          target: '/run/secrets/s',
          content: Buffer.from('hidden').toString('base64'),
          mode: 0o400,
          uid: 0,
          gid: 0,
        },
      ],
    },
    says: 'hidden400:0\n',
    changes: [],
  },
  {
    name: 'a cache, first',
    command: 'echo x >/c/kept; echo y >/n',
    how: {
      mounts: [cache],
    },
    changes: ['file n 644 0:0 "y\\n"'],
  },
  {
    name: 'a cache, again',
    command: 'cat /c/kept',
    how: {
      mounts: [cache],
    },
    says: 'x\n',
    changes: [],
  },
  {
    name: 'a cache that the command deletes or lets lead elsewhere',
    command: 'rm -rf /d /e; ln -s /etc /e; echo on',
    how: {
      mounts: [
        { ...cache, target: '/d', name: 'deleted' },
        { ...cache, target: '/e', name: 'linked' },
      ],
    },
    says: 'on\n',
  },
  {
    name: 'a cache that was deleted or led elsewhere',
    command: 'ls -A /d /e',
    how: {
      mounts: [
        { ...cache, target: '/d', name: 'deleted' },
        { ...cache, target: '/e', name: 'linked' },
      ],
    },
    check: ({ stdout }) => expect(stdout).to.match(/^\/d:\n\n\/e:\n(?:etc\n)?$/),
  },
];

const suites = { sees, endings, changes, mounts: mountRows };

for (const user of sandboxUsers()) {
  describe(`the sandbox of ${user}`, function () {
    this.timeout(300_000);
    const results = new Map<Row, DriverResult>();
    let root = '';
    let driver: UserDriver | undefined;

    before(async function () {
      if (process.platform !== 'linux' || !(await hasDebs())) return this.skip();
      const busybox = await debTree('busybox-static', process.arch === 'x64' ? 'amd64' : process.arch);
      const { folder: made, helper } = await helperFolder();
      root = made;
      driver = await userDriver(root, helper);
      const tars = new Map<string, string>();
      const tarOf = async (name: string, entries: readonly LayerEntry[]): Promise<string> => {
        const path = tars.get(name) ?? join(root, `${name}.tar`);
        if (!tars.has(name))
          writeFileSync(path, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
        tars.set(name, path);
        return path;
      };
      const bottom = await tarOf('busybox', await busyboxRoot(busybox));
      const rows = Object.values(suites)
        .flat()
        .filter((row) => runs(row));
      const commands: DriverCommand[] = [];
      for (const row of rows) {
        const on = row.on ?? (suites.changes.includes(row) ? [base] : []);
        const layers = [bottom];
        for (const entries of on)
          layers.push(
            await tarOf(entries === base ? 'base' : `${rows.indexOf(row)}-${layers.length}`, entries),
          );
        commands.push({ layers, command: row.command, ...row.how });
      }
      const answer = await driver.run(user, { commands });
      for (const [index, row] of rows.entries()) results.set(row, answer.results[index] as DriverResult);
    });
    after(async () => {
      if (root !== '') await removeFolder(root);
    });

    const isApart = user !== 'this user, in a changed root' && user !== 'nobody, without namespaces';
    const runs = (row: Row): boolean =>
      (row.users !== true || user !== 'nobody, alone') &&
      (row.apart !== true || isApart) &&
      (row.privileged !== true || user !== 'nobody, without namespaces');
    for (const [suite, rows] of Object.entries(suites)) {
      describe(suite, () => {
        for (const row of rows.filter(runs)) {
          it(row.name, () => {
            const result = results.get(row) as DriverResult;
            if (row.check) {
              row.check(result);
              return;
            }
            if (row.ends !== undefined) expect(result).to.include({ kind: 'exited', code: row.ends });
            else expect(result, JSON.stringify(result)).to.include({ kind: 'changed' });
            if (typeof row.says === 'string') expect(result.stdout).to.equal(row.says);
            else if (row.says) expect(result.stdout).to.match(row.says);
            if (row.changes) expect(changesOf(result)).to.deep.equal(row.changes);
          });
        }
      });
    }
  });
}

/** Busybox has no program for it. */
function setAttributes(): LayerEntry {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const set = (name: string, value: Uint8Array) =>
    must(`set ${name}`, 'lsetxattr', '/d/a', name, value, value.length, 0);
  const steps = [set('user.a', Buffer.from('b')), set('security.capability', capability)];
  return file('set-attributes', syscallProgram(architecture, steps), { mode: 0o755 });
}

/** Exits with 125 when it may not become root. */
function becomeRoot(mode: number): LayerEntry {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return file('become-root', syscallProgram(architecture, [must('become root', 'setresuid', 0, 0, 0)]), {
    mode,
  });
}

function changesOf(result: DriverResult): readonly string[] {
  if (result.kind !== 'changed') return [];
  return result.entries.map(({ type, path, mode, uid, gid, linkname, content }) => {
    if (type === 'whiteout' || type === 'opaque') return `${type} ${path}`;
    if (type === 'symlink' || type === 'link') return `${type} ${path} -> ${linkname}`;
    const text = content === undefined ? '' : ` ${JSON.stringify(content)}`;
    return `${type} ${path} ${mode.toString(8)} ${uid}:${gid}${text}`;
  });
}
