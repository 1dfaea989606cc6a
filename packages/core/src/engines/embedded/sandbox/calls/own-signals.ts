import {
  allow,
  answer,
  type FilterInstruction,
  filterBytes,
  jumpIfEqual,
  load,
  offsets,
  refuseWith,
} from './call-filter.ts';
import { may } from './kernel.ts';
import type { Step } from './syscall-program.ts';

/** Numbers of `kill` by a program's architecture: Linux, `include/uapi/linux/audit.h`. x32 counts from 2^30 on. */
const killCalls: Readonly<Record<string, readonly (readonly [audit: number, numbers: readonly number[]])[]>> =
  {
    amd64: [
      [0xc000003e, [62, 0x4000003e]],
      [0x40000003, [37]],
    ],
    arm64: [
      [0xc00000b7, [129]],
      [0x40000028, [37]],
    ],
  };

/**
 * Keeps the signals of what is started later among themselves, above all `kill -1`, which without processes of its own means
 * all of the machine's or container's: the call is refused, and since Linux 6.12 Landlock lets no signal out.
 *
 * The kernel lets only those ask for it who can get no more privileges. Whoever can is left as it is, for set-user-id
 * programs would work no more.
 */
export function ownSignals(architecture: string): readonly Step[] {
  const filter = killFilter(architecture);
  return [
    // struct landlock_ruleset_attr: no files, no ports, LANDLOCK_SCOPE_SIGNAL.
    may('landlock_create_ruleset', new Uint8Array(BigUint64Array.of(0n, 0n, 2n).buffer), 24, 0),
    may('landlock_restrict_self', { result: true }, 0),
    // PR_SET_SECCOMP, SECCOMP_MODE_FILTER.
    may('prctl', 22, 2, { quads: [filter.length / 8, filter] }, 0, 0),
  ];
}

/** Lets `kill` of all processes answer EPERM. */
export function killFilter(architecture: string): Uint8Array {
  const code: FilterInstruction[] = [[load, 0, 0, offsets.architecture]];
  for (const [audit, numbers] of killCalls[architecture] ?? []) {
    const body = numbers.flatMap((number): readonly FilterInstruction[] => [
      [load, 0, 0, offsets.call],
      [jumpIfEqual, 0, 3, number],
      [load, 0, 0, offsets.firstArgument],
      [jumpIfEqual, 0, 1, 0xffffffff],
      [answer, 0, 0, refuseWith(1)],
    ]);
    code.push([jumpIfEqual, 0, body.length + 1, audit], ...body, [answer, 0, 0, allow]);
  }
  return filterBytes([...code, [answer, 0, 0, allow]]);
}
