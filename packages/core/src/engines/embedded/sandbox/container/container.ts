import {
  closeOnExec,
  closeReportOnExec,
  dieWithParent,
  here,
  limitTree,
  makeFile,
  may,
  mountFlags,
  must,
  namespaceFlags,
  openTree,
  placeTree,
} from '../calls/kernel.ts';
import type { Step } from '../calls/syscall-program.ts';
import { parentsOf } from '../files/parents-of.ts';
import { becomeUser, type ContainerCommand, limits, start } from './container-command.ts';
import { openSystem, placeSystem, type SystemRequest } from './container-system.ts';

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

export interface ContainerRequest extends SystemRequest {
  readonly root: ContainerRoot;
  readonly command: ContainerCommand;
  readonly mounts: readonly ContainerMount[];
  readonly hostname: string;
  readonly network: 'host' | 'none';
}

const firstMount = 200;

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
    ...openSystem(),
    ...mounts.flatMap((item, index) => openMount(item, firstMount + index)),
    { kind: 'fork' },
    dieWithParent(),
    ...enterRoot(root),
    ...placeSystem(request),
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
