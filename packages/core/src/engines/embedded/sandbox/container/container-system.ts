import { here, limitTree, makeFile, may, mountFlags, must, openTree, placeTree } from '../calls/kernel.ts';
import type { Step } from '../calls/syscall-program.ts';

/** What /proc, /dev and /sys depend on. */
export interface SystemRequest {
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
const sysDescriptor = 120;

/** Takes hold of what the machine lends, while it is still to be seen. */
export function openSystem(): readonly Step[] {
  return [
    ...devices.flatMap((name, index) => openTree('/dev', name, firstDevice + index)),
    ...openTree('/sys', '', sysDescriptor),
    limitTree(sysDescriptor, 15, '/sys'),
  ];
}

/** Puts it in its place in the root; /proc is mounted there already. */
export function placeSystem(request: SystemRequest): readonly Step[] {
  return [
    ...proc(request),
    ...dev(request),
    may('mkdirat', here, '/sys', 0o755),
    placeTree(sysDescriptor, '/sys'),
    may('mount', 'tmpfs', '/sys/firmware', 'tmpfs', mountFlags.readOnly, 'size=0'),
  ];
}

/** Masked and read-only paths are those of the OCI runtimes. */
function proc({ realRoot, procNames }: SystemRequest): readonly Step[] {
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

function dev({ singleUser, procNames, shmSize = 64 * 1024 * 1024 }: SystemRequest): readonly Step[] {
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
