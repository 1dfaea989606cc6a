import {
  allow,
  answer,
  type FilterInstruction,
  filterBytes,
  jumpIfAtLeast,
  jumpIfEqual,
  load,
  offsets,
  refuseWith,
} from './call-filter.ts';
import { must } from './kernel.ts';
import type { Step } from './syscall-program.ts';

/** One set of system calls: an architecture's audit number and what its calls are numbered. Linux, `include/uapi/linux/audit.h`. */
interface CallSet {
  readonly audit: number;
  /** Calls with a path that came one by one: `statx`, `renameat2`, `execveat`, `name_to_handle_at`, `fanotify_mark`. */
  readonly paths: readonly number[];
  /** Its own calls are numbered from here on. */
  readonly own?: number;
}

const callSets: Readonly<Record<string, readonly CallSet[]>> = {
  amd64: [
    { audit: 0xc000003e, paths: [332, 316, 322, 303, 301] },
    // Programs for 386; its `utimensat_time64` as well.
    { audit: 0x40000003, paths: [383, 353, 358, 341, 339, 412] },
  ],
  arm64: [
    { audit: 0xc00000b7, paths: [291, 276, 281, 264, 263] },
    // Programs for 32-bit arm.
    { audit: 0x40000028, paths: [397, 382, 387, 370, 368, 412], own: 0x0f0000 },
  ],
};

/**
 * Calls with a path that every architecture numbers alike: `io_uring_*`, `open_tree`, `move_mount`, `fsopen`, `fsconfig`,
 * `fsmount`, `fspick`, `openat2`, `faccessat2`, `mount_setattr`, `fchmodat2`.
 */
const commonPaths: readonly number[] = [
  ...[425, 426, 427, 428, 429, 430, 431, 432, 433],
  ...[437, 439, 442, 452],
];
/** `statmount`, and all that came and will come after it. */
const firstUnknown = 457;

const isMissing = refuseWith(38);

/**
 * Lets a kernel look older than it is: calls with a path that proot may not know, and would pass on to the machine's own
 * files, answer ENOSYS, for which C libraries, Go, Rust and qemu all have another way. Holds for all that is started later.
 */
export function hideNewerCalls(architecture: string): readonly Step[] {
  const filter = newerCallsFilter(architecture);
  return [
    must('give up privileges', 'prctl', 38, 1, 0, 0, 0),
    must('hide newer system calls', 'prctl', 22, 2, { quads: [filter.length / 8, filter] }, 0, 0),
  ];
}

/** The filter in the form that the kernel takes. */
export function newerCallsFilter(architecture: string): Uint8Array {
  const code: FilterInstruction[] = [[load, 0, 0, offsets.architecture]];
  for (const { audit, paths, own } of callSets[architecture] ?? []) {
    const when = (operation: number, value: number, answered: number): readonly FilterInstruction[] => [
      [operation, 0, 1, value],
      [answer, 0, 0, answered],
    ];
    const body: readonly FilterInstruction[] = [
      [load, 0, 0, offsets.call],
      ...(own === undefined ? [] : when(jumpIfAtLeast, own, allow)),
      ...when(jumpIfAtLeast, firstUnknown, isMissing),
      ...[...paths, ...commonPaths].flatMap((number) => when(jumpIfEqual, number, isMissing)),
      [answer, 0, 0, allow],
    ];
    code.push([jumpIfEqual, 0, body.length, audit], ...body);
  }
  code.push([answer, 0, 0, allow]);
  return filterBytes(code);
}
