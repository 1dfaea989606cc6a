import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  access,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { debianMirror } from './debian-mirror.mjs';
import { debTree } from './debs.mjs';
import { removeTree } from './remove-tree.mjs';
import { run, which } from './run.mjs';

/** The ordinary user of a fresh machine. */
export const user = { name: 'demo', id: 1000, home: '/home/demo' };

/**
 * The root folder of a fresh Debian machine: what mmdebstrap makes of this release, this Node with its npm, and an ordinary
 * user; no Docker, no emulators, no package lists. Made once; needs root.
 *
 * @param {{ cache: string, log?: (line: string) => void }} options
 * @returns {Promise<string>}
 */
export async function machineRoot({ cache, log = () => {} }) {
  const release = await readFile('/etc/os-release', 'utf8');
  const suite = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1] ?? 'stable';
  const npm = dirname(dirname(await realpath((await which('npm')) ?? '')));
  const { version } = JSON.parse(await readFile(join(npm, 'package.json'), 'utf8'));
  const key = createHash('sha256').update([suite, process.version, version].join(' ')).digest('hex');
  const folder = join(cache, 'machines');
  const root = join(folder, `${suite}-${key.slice(0, 12)}`);
  if (await exists(root)) return root;
  log(`making a machine of Debian ${suite}; this takes a minute, once`);
  await mkdir(folder, { recursive: true });
  const fresh = await mkdtemp(join(folder, 'new-'));
  try {
    const made = join(fresh, 'root');
    const options = ['--variant=apt', '--include=libstdc++6,passwd'];
    await run('mmdebstrap', [...options, suite, made, await debianMirror()]);
    await cp(process.execPath, join(made, 'usr/bin/node'));
    await mkdir(join(made, 'usr/lib/node_modules'), { recursive: true });
    await cp(npm, join(made, 'usr/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
    for (const name of ['npm', 'npx'])
      await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(made, 'usr/bin', name));
    await run('chroot', [made, 'useradd', '-m', '-u', String(user.id), '-s', '/bin/sh', user.name]);
    // Whoever made this machine may stand between it and the network.
    for (const file of ['/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt']) {
      await mkdir(dirname(join(made, file)), { recursive: true });
      await rm(join(made, file), { force: true });
      await writeFile(join(made, file), await readFile(file).catch(() => ''));
    }
    await rename(made, root);
    return root;
  } finally {
    await removeTree(fresh);
  }
}

/** Environment of a command on such a machine. */
export const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
};

/** What root may do in a container of Docker without further privileges. */
const capabilities =
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap';

/**
 * Runs a command on a fresh machine as its ordinary user: in a user namespace whose kernel knows no emulators. Needs root.
 *
 * @param {string} root see {@link machineRoot}
 * @param {readonly string[]} command
 * @param {{ home: string, namespaces: boolean, cache: string, contained?: boolean }} options `home` is the user's home
 *   folder, whose folder `clone` is where the command starts; without `namespaces`, user.max_user_namespaces is 0;
 *   `contained` is root with what a container leaves it
 * @returns {Promise<{ status: number | string, output: string }>}
 */
export async function runOnMachine(root, command, { home, namespaces, cache, contained = false }) {
  const bounds = ['-all', ...capabilities.split(' ').map((name) => `+${name}`)].join(',');
  const become = contained
    ? `--inh-caps=-all --bounding-set=${bounds}`
    : `--reuid ${user.id} --regid ${user.id} --init-groups`;
  const native = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const busybox = join(
    await debTree('busybox-static', native, { cache: join(cache, 'debs') }),
    'bin/busybox',
  );
  const steps = [
    // Nobody else sees it: empty, and in front of what this machine knows.
    'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc',
    ...(namespaces ? [] : ["sh -c 'echo 0 > /proc/sys/user/max_user_namespaces'"]),
    'root=$1 home=$2 busybox=$3',
    'shift 3',
    'mount --bind "$root" "$root"',
    'cd "$root"',
    'for name in proc dev sys; do mount --rbind /$name $name; done',
    'mount -t tmpfs -o mode=1777 tmp tmp',
    `mount --bind "$home" .${user.home}`,
    'cp "$busybox" tmp/busybox',
    'pivot_root . .',
    '/tmp/busybox umount -l .',
    '/tmp/busybox rm /tmp/busybox',
    `cd ${user.home}/clone`,
    `exec setpriv ${become} "$@"`,
  ];
  const variables = Object.entries({ ...environment, HOME: user.home }).map((entry) => entry.join('='));
  const child = spawn(
    'unshare',
    [
      ...['--user', '--mount', '--kill-child', 'sh', '-c'],
      `echo unshared; read go; exec sh -e -c '${steps.join('\n').replaceAll("'", `'\\''`)}' "$@"`,
      ...['sh', 'sh', root, home, busybox, 'env', '-i', ...variables, ...command],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let output = '';
  let mapped;
  const take = (text) => {
    output += text;
    mapped ??= map();
  };
  const map = async () => {
    for (const kind of ['uid', 'gid']) await writeFile(`/proc/${child.pid}/${kind}_map`, '0 0 65536\n');
    child.stdin.end('go\n');
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  await mapped;
  return { status, output };
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
