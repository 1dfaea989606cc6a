import type { Argument, Step, SyscallName } from './syscall-program.ts';

/** Flags of `mount`: Linux, `include/uapi/linux/mount.h`. */
export const mountFlags: Readonly<
  Record<
    'readOnly' | 'noSetuid' | 'noDevices' | 'noExec' | 'remount' | 'bind' | 'recursive' | 'private',
    number
  >
> = {
  readOnly: 1,
  noSetuid: 2,
  noDevices: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  recursive: 16384,
  private: 262144,
};

/** Flags of `unshare`: Linux, `include/uapi/linux/sched.h`. */
export const namespaceFlags = {
  mount: 0x00020000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
} as const;

/** "Relative to the current directory". */
export const here: number = -100;
export const closeOnExec = 0o2000000;
const directoryOnly = 0o200000;
const pathOnly = 0o10000000;
const emptyPath = 0x1000;
const wholeTree = 0x8000;

/** A step that must succeed. @param purpose words that follow "could not" */
export function must(purpose: string, name: SyscallName, ...given: readonly Argument[]): Step {
  return { kind: 'call', name, arguments: given, purpose };
}

/** A step that may fail. */
export function may(name: SyscallName, ...given: readonly Argument[]): Step {
  return { kind: 'call', name, arguments: given, purpose: undefined };
}

/** The process ends when its parent does, however that ends. */
export function dieWithParent(): Step {
  return must('be ended with its parent', 'prctl', 1, 9, 0, 0, 0);
}

/** What a program that is started later must not see. */
export function closeReportOnExec(): Step {
  return must('hide a file descriptor', 'fcntl', 3, 2, 1);
}

/** Gives what the last call opened a number of its own. */
export function numbered(descriptor: number): Step {
  return must('number a file descriptor', 'dup3', { result: true }, descriptor, closeOnExec);
}

/** A mount of what lies at `path` of the folder `root`, whatever links the path has, held open under a number and not in any place yet. */
export function openTree(root: string, path: string, descriptor: number): readonly Step[] {
  return [
    must(`open ${root}`, 'openat', here, root, pathOnly | directoryOnly | closeOnExec, 0),
    numbered(descriptor),
    // struct open_how: flags, mode, RESOLVE_IN_ROOT
    must(
      `open ${path} in ${root}`,
      'openat2',
      descriptor,
      path === '' ? '.' : path,
      quads(pathOnly | closeOnExec, 0, 0x10),
      24,
    ),
    numbered(descriptor),
    must(`take ${path} from ${root}`, 'open_tree', descriptor, '', 1 | emptyPath | wholeTree | closeOnExec),
    numbered(descriptor),
  ];
}

/** Puts what {@link openTree} opened in its place. */
export function placeTree(descriptor: number, target: string): Step {
  return must(`mount ${target}`, 'move_mount', descriptor, '', here, target, 4);
}

/** Changes the attributes of what {@link openTree} opened and of all mounts in it. */
export function limitTree(descriptor: number, attributes: number, what: string): Step {
  return must(
    `limit ${what}`,
    'mount_setattr',
    descriptor,
    '',
    emptyPath | wholeTree,
    quads(attributes, 0, 0, 0),
    32,
  );
}

function quads(...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  for (const [index, value] of values.entries()) view.setBigUint64(index * 8, BigInt(value), true);
  return new Uint8Array(view.buffer);
}

/** Creates an empty file where there is none. */
export function makeFile(path: string): Step {
  // O_WRONLY | O_CREAT
  return may('openat', here, path, 0o101 | closeOnExec, 0o644);
}
