import {
  closeOnExec,
  closeReportOnExec,
  dieWithParent,
  here,
  limitTree,
  may,
  mountFlags,
  must,
  namespaceFlags,
  openTree,
  placeTree,
} from './kernel.ts';
import type { Step } from './syscall-program.ts';

/** Who a command runs as; numbers only, as the image's own files say. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** The command of a RUN. */
export interface ContainerCommand {
  readonly arguments: readonly string[];
  /** Everything that it gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly directory: string;
  /** The directory is made where there is none. */
  readonly makesDirectory?: boolean | undefined;
  readonly user: ContainerUser;
  /** Limits of the process: name and number of the resource, soft and hard limit; -1 is none. */
  readonly limits?:
    | readonly (readonly [name: string, number: number, soft: number, hard: number])[]
    | undefined;
}

/** Something that the command finds in its place. */
export type ContainerMount =
  | {
      readonly kind: 'tree';
      /** A folder of the helper's. */
      readonly root: string;
      /** In it; links are followed inside `root`. */
      readonly path: string;
      readonly target: string;
      readonly type: 'file' | 'directory';
      readonly readOnly: boolean;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      /** Of `mount`, e.g. `size=64m`. */
      readonly options: string;
    };

/** How the files of the root come together. */
export type ContainerRoot =
  | {
      readonly kind: 'overlay';
      /** Folder that the other paths start at, so that what it is called does not matter. */
      readonly directory: string;
      /** The topmost first. */
      readonly lower: readonly string[];
      readonly upper: string;
      readonly work: string;
      readonly merged: string;
      readonly userAttributes: boolean;
    }
  | { readonly kind: 'folder'; readonly path: string };

export interface ContainerRequest {
  readonly root: ContainerRoot;
  readonly command: ContainerCommand;
  readonly mounts: readonly ContainerMount[];
  readonly hostname: string;
  readonly network: 'host' | 'none';
  /** Of /dev/shm, bytes. */
  readonly shmSize?: number | undefined;
  /** Root of the machine, not of a user namespace: what the kernel does not keep from it must be hidden. */
  readonly realRoot: boolean;
  /** The user namespace knows one user only. */
  readonly singleUser: boolean;
  /** Names in this machine's /proc. */
  readonly procNames: ReadonlySet<string>;
}

const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const firstDevice = 100;
const firstMount = 200;
const sysDescriptor = 120;

/** Everything that a RUN's process does before its command: namespaces, mounts, a root of its own, its user. */
export function containerSteps(request: ContainerRequest): readonly Step[] {
  const { root, mounts, hostname, network } = request;
  const { mount, pid, ipc, uts } = namespaceFlags;
  const netNamespace = network === 'none' ? namespaceFlags.network : 0;
  return [
    closeReportOnExec(),
    dieWithParent(),
    must('make namespaces', 'unshare', mount | pid | ipc | uts | netNamespace),
    must('take mounts apart', 'mount', 0, '/', 0, mountFlags.recursive | mountFlags.private, 0),
    ...mountRoot(root),
    ...devices.flatMap((name, index) => openTree('/dev', name, firstDevice + index)),
    ...openTree('/sys', '', sysDescriptor),
    limitTree(sysDescriptor, 15, '/sys'),
    ...mounts.flatMap((item, index) => openMount(item, firstMount + index)),
    { kind: 'fork' },
    dieWithParent(),
    ...enterRoot(root),
    ...proc(request),
    ...dev(request),
    may('mkdirat', here, '/sys', 0o755),
    placeTree(sysDescriptor, '/sys'),
    may('mount', 'tmpfs', '/sys/firmware', 'tmpfs', mountFlags.readOnly, 'size=0'),
    ...mounts.flatMap((item, index) => placeMount(item, firstMount + index)),
    must('set the host name', 'sethostname', hostname, Buffer.byteLength(hostname)),
    ...(network === 'none' ? loopback() : []),
    { kind: 'fork' },
    may('setsid'),
    ...limits(request.command),
    ...becomeUser(request.command),
    ...start(request.command),
  ];
}

/** Without devices: no cgroup keeps a RUN from the machine's disks when it makes a node for one. */
function mountRoot(root: ContainerRoot): readonly Step[] {
  const { bind, remount, noDevices } = mountFlags;
  if (root.kind === 'folder')
    return [
      must('mount the root', 'mount', root.path, root.path, 0, bind, 0),
      must('mount the root', 'mount', 0, root.path, 0, bind | remount | noDevices, 0),
    ];
  const options = [
    `lowerdir=${root.lower.join(':')}`,
    `upperdir=${root.upper}`,
    `workdir=${root.work}`,
    // As other builders do: a layer has no word for a folder that moved.
    'index=off',
    ...(root.userAttributes ? ['userxattr'] : ['redirect_dir=off', 'metacopy=off']),
  ];
  return [
    must('enter the cache', 'chdir', root.directory),
    must('mount overlayfs', 'mount', 'overlay', root.merged, 'overlay', noDevices, options.join(',')),
  ];
}

/** The root becomes the only one: the machine's is nowhere any more. */
function enterRoot(root: ContainerRoot): readonly Step[] {
  const { noSetuid, noDevices, noExec } = mountFlags;
  return [
    must('enter the root', 'chdir', root.kind === 'folder' ? root.path : root.merged),
    must('change the root', 'pivot_root', '.', '.'),
    may('mkdirat', here, '/proc', 0o555),
    // In a user namespace only while the machine's /proc is still to be seen.
    must('mount /proc', 'mount', 'proc', '/proc', 'proc', noSetuid | noDevices | noExec, 0),
    must('leave the old root', 'umount2', '.', 2),
    must('enter the new root', 'chdir', '/'),
  ];
}

/** Masked and read-only paths are those of the OCI runtimes. */
function proc({ realRoot, procNames }: ContainerRequest): readonly Step[] {
  const { noSetuid, noDevices, noExec, bind, recursive, remount, readOnly } = mountFlags;
  const limits = noSetuid | noDevices | noExec;
  const steps: Step[] = [];
  for (const name of ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].filter((item) => procNames.has(item))) {
    const path = `/proc/${name}`;
    const call = realRoot ? must.bind(undefined, `protect ${path}`) : may;
    steps.push(
      call('mount', path, path, 0, bind | recursive, 0),
      call('mount', 0, path, 0, bind | remount | readOnly | limits, 0),
    );
  }
  for (const name of ['acpi', 'asound', 'scsi'].filter((item) => procNames.has(item)))
    steps.push(may('mount', 'tmpfs', `/proc/${name}`, 'tmpfs', readOnly, 'size=0'));
  return steps;
}

function dev({ singleUser, procNames, shmSize = 64 * 1024 * 1024 }: ContainerRequest): readonly Step[] {
  const { noSetuid, noDevices, noExec, bind } = mountFlags;
  const links = [
    ['/proc/self/fd', 'fd'],
    ['/proc/self/fd/0', 'stdin'],
    ['/proc/self/fd/1', 'stdout'],
    ['/proc/self/fd/2', 'stderr'],
    ['pts/ptmx', 'ptmx'],
  ] as const;
  const masked = ['kcore', 'keys', 'latency_stats', 'timer_list', 'sched_debug'];
  return [
    may('mkdirat', here, '/dev', 0o755),
    must('mount /dev', 'mount', 'tmpfs', '/dev', 'tmpfs', noSetuid | noDevices, 'mode=755,size=64m'),
    ...devices.flatMap((name, index) => [
      makeFile(`/dev/${name}`),
      placeTree(firstDevice + index, `/dev/${name}`),
    ]),
    ...links.map(([target, name]) => must(`make /dev/${name}`, 'symlinkat', target, here, `/dev/${name}`)),
    ...['pts', 'shm', 'mqueue'].map((name) =>
      must(`make /dev/${name}`, 'mkdirat', here, `/dev/${name}`, 0o755),
    ),
    must(
      'mount /dev/pts',
      'mount',
      'devpts',
      '/dev/pts',
      'devpts',
      noSetuid | noExec,
      `newinstance,ptmxmode=0666,mode=0620${singleUser ? '' : ',gid=5'}`,
    ),
    must(
      'mount /dev/shm',
      'mount',
      'tmpfs',
      '/dev/shm',
      'tmpfs',
      noSetuid | noDevices | noExec,
      `mode=1777,size=${shmSize}`,
    ),
    may('mount', 'mqueue', '/dev/mqueue', 'mqueue', noSetuid | noDevices | noExec, 0),
    ...masked
      .filter((name) => procNames.has(name))
      .map((name) => may('mount', '/dev/null', `/proc/${name}`, 0, bind, 0)),
  ];
}

function openMount(mount: ContainerMount, descriptor: number): readonly Step[] {
  if (mount.kind === 'tmpfs') return [];
  return [
    ...openTree(mount.root, mount.path, descriptor),
    // Read-only, without devices.
    limitTree(descriptor, mount.readOnly ? 5 : 4, mount.target),
  ];
}

function placeMount(mount: ContainerMount, descriptor: number): readonly Step[] {
  const isFile = mount.kind === 'tree' && mount.type === 'file';
  const folders = parentsOf(mount.target);
  const made = [
    ...folders.slice(0, -1).map((path) => may('mkdirat', here, path, 0o755)),
    isFile ? makeFile(mount.target) : may('mkdirat', here, mount.target, 0o755),
  ];
  if (mount.kind === 'tree') return [...made, placeTree(descriptor, mount.target)];
  const { noSetuid, noDevices } = mountFlags;
  return [
    ...made,
    must(
      `mount ${mount.target}`,
      'mount',
      'tmpfs',
      mount.target,
      'tmpfs',
      noSetuid | noDevices,
      mount.options,
    ),
  ];
}

/** `/a`, `/a/b`, … down to the path itself. */
export function parentsOf(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

/** Creates an empty file where there is none. */
function makeFile(path: string): Step {
  // O_WRONLY | O_CREAT
  return may('openat', here, path, 0o101 | closeOnExec, 0o644);
}

/** Brings the loopback interface up: SIOCSIFFLAGS with IFF_UP | IFF_RUNNING. */
function loopback(): readonly Step[] {
  const request = new Uint8Array(40);
  request.set(Buffer.from('lo'));
  request[16] = 0x41;
  return [
    must('open a socket', 'socket', 2, 2 | closeOnExec, 0),
    must('bring the loopback up', 'ioctl', { result: true }, 0x8914, request),
  ];
}

/** Capabilities that a container's root has: Docker's and BuildKit's default. */
const capabilities: ReadonlySet<number> = new Set([0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31]);
const lastCapability = 40;

/** Sets the limits of the process. */
export function limits({ limits: wanted = [] }: ContainerCommand): readonly Step[] {
  return wanted.map(([name, number, soft, hard]) =>
    must(
      `set the limit ${name} to ${soft}:${hard}`,
      'prlimit64',
      0,
      number,
      new Uint8Array(BigInt64Array.of(BigInt(soft), BigInt(hard)).buffer),
      0,
    ),
  );
}

/** Goes to where the command starts. */
export function enterDirectory({ directory, makesDirectory }: ContainerCommand): readonly Step[] {
  const made = makesDirectory === true ? parentsOf(directory) : [];
  return [
    ...made.map((path) => may('mkdirat', here, path, 0o755)),
    must(`enter ${directory}`, 'chdir', directory),
  ];
}

/** Gives up what a container's user does not have. */
export function becomeUser(command: ContainerCommand): readonly Step[] {
  const { user } = command;
  const dropped = Array.from({ length: lastCapability + 1 }, (_, number) => number).filter(
    (number) => !capabilities.has(number),
  );
  const groups = new Uint8Array(Uint32Array.from(user.groups).buffer);
  const ids = `run as user ${user.uid}:${user.gid}`;
  return [
    ...enterDirectory(command),
    ...dropped.map((number) => may('prctl', 24, number, 0, 0, 0)),
    // A namespace of one user allows no groups, and its root needs none.
    user.uid === 0
      ? may('setgroups', user.groups.length, groups)
      : must(ids, 'setgroups', user.groups.length, groups),
    must(ids, 'setresgid', user.gid, user.gid, user.gid),
    must(ids, 'setresuid', user.uid, user.uid, user.uid),
    dieWithParent(),
    may('umask', 0o022),
  ];
}

/** Starts the command, looking for it as `execvp` does. */
export function start({ arguments: given, environment }: ContainerCommand): readonly Step[] {
  const [program = ''] = given;
  const path = environment.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const files = program.includes('/')
    ? [program]
    : path.split(':').map((folder) => (folder === '' ? `./${program}` : `${folder}/${program}`));
  const texts = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const execute = (
    file: string,
  ): readonly [string, { texts: readonly string[] }, { texts: readonly string[] }] => [
    file,
    { texts: given },
    { texts },
  ];
  return [
    // What this process was started with by others may be written to: with CLOSE_RANGE_CLOEXEC.
    may('close_range', 3, 0xffffffff, 4),
    // Keys of whoever builds: KEYCTL_JOIN_SESSION_KEYRING.
    may('keyctl', 1, 0),
    ...files.slice(0, -1).map((file) => may('execve', ...execute(file))),
    must(`start ${program}`, 'execve', ...execute(files.at(-1) ?? program)),
  ];
}
