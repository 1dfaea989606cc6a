import { MabuildError } from '@mabuild/oci';
import { codeAddress, staticElf } from '../../../../emulation/elf-program.ts';
import { type Assembler, amd64, arm64 } from './assembler.ts';

/**
 * An argument of a system call: a number, the address of a text (ended by a zero byte) or of bytes, the address of a
 * list of texts (ended by a zero address) or of 64-bit values, or what the last call answered.
 */
export type Argument =
  | number
  | bigint
  | string
  | Uint8Array
  | { readonly texts: readonly string[] }
  | { readonly quads: readonly (number | Uint8Array)[] }
  | { readonly result: true };

/** One thing that a {@link syscallProgram} does. */
export type Step =
  | {
      readonly kind: 'call';
      /** By its name in Linux. */
      readonly name: SyscallName;
      readonly arguments: readonly Argument[];
      /** What the step is for, in words that follow "could not"; a step without one may fail. */
      readonly purpose: string | undefined;
      /** What it answers becomes the last answer. @default true */
      readonly answers?: boolean;
    }
  /**
   * A child goes on; the parent takes in whatever ends and leaves as the child does. One that tells writes the child's exit
   * code, a 64-bit number, to file descriptor 3 first.
   */
  | { readonly kind: 'fork'; readonly tells?: true }
  /** Writes the last answer, 8 bytes, to an address. */
  | { readonly kind: 'store'; readonly address: number };

export type SyscallName = keyof typeof numbers;

/** Number of a system call on amd64 and on arm64: Linux, `arch/x86/entry/syscalls/syscall_64.tbl`, `include/uapi/asm-generic/unistd.h`. */
const numbers = {
  write: [1, 64],
  mmap: [9, 222],
  socket: [41, 198],
  ioctl: [16, 29],
  writev: [20, 66],
  clone: [56, 220],
  execve: [59, 221],
  kill: [62, 129],
  fcntl: [72, 25],
  chdir: [80, 49],
  umask: [95, 166],
  setsid: [112, 157],
  setgroups: [116, 159],
  setresuid: [117, 147],
  setresgid: [119, 149],
  pivot_root: [155, 41],
  prctl: [157, 167],
  chroot: [161, 51],
  mount: [165, 40],
  umount2: [166, 39],
  sethostname: [170, 161],
  lsetxattr: [189, 6],
  lgetxattr: [192, 9],
  llistxattr: [195, 12],
  openat: [257, 56],
  mkdirat: [258, 34],
  mknodat: [259, 33],
  symlinkat: [266, 36],
  unshare: [272, 97],
  dup3: [292, 24],
  read: [0, 63],
  prlimit64: [302, 261],
  open_tree: [428, 428],
  move_mount: [429, 429],
  openat2: [437, 437],
  close_range: [436, 436],
  mount_setattr: [442, 442],
  landlock_create_ruleset: [444, 444],
  landlock_restrict_self: [446, 446],
  keyctl: [250, 219],
} as const;

const assemblers: Readonly<Record<string, Assembler>> = { amd64, arm64 };

/** Exit code of a program one of whose steps failed; which one it says on file descriptor 3. */
export const failedStepExitCode = 125;

/** Tells whether programs can be made for this processor. */
export function hasAssembler(architecture: string): boolean {
  return assemblers[architecture] !== undefined;
}

/**
 * Makes a static ELF program that does these steps and exits with 0.
 *
 * Node has no `mount`, `unshare`, `pivot_root` or extended attributes, and their commands differ between
 * distributions or are missing in small containers; a program of nothing but system calls needs none of them.
 * A step that fails writes its index and the error, two 64-bit numbers, to file descriptor 3.
 * @throws MabuildError `SANDBOX_UNAVAILABLE` for a processor that is neither amd64 nor arm64
 */
export function syscallProgram(architecture: string, steps: readonly Step[]): Uint8Array {
  const assembler = assemblers[architecture];
  const start = codeAddress(architecture);
  if (assembler === undefined || start === undefined) {
    throw new MabuildError(`making a sandbox on ${architecture}: only amd64 and arm64 are known`, {
      code: 'SANDBOX_UNAVAILABLE',
      hint: 'build with a Docker Engine',
    });
  }
  // Code has one length whatever the addresses in it are, so that it can be told where the data will lie.
  const length = lengthOf(assembler, steps);
  const data = new Data(Math.ceil((start + length) / 8) * 8);
  const code = assemble(assembler, steps, data);
  const padding = new Uint8Array(data.start - start - length);
  const elf = staticElf(architecture, Buffer.concat([code, padding, data.bytes()]));
  if (elf === undefined) throw new TypeError(`no ELF header for ${architecture}`);
  return elf;
}

function assemble(assembler: Assembler, steps: readonly Step[], data: Data): Buffer {
  const parts = [...steps.entries()].flatMap(([index, step]) =>
    codeOf(assembler, step, index, (argument) => data.valueOf(argument)),
  );
  return Buffer.concat([...parts, assembler.exit()]);
}

function codeOf(
  assembler: Assembler,
  step: Step,
  index: number,
  value: (argument: Argument) => bigint | 'result',
): readonly Uint8Array[] {
  const column = assembler === amd64 ? 0 : 1;
  if (step.kind === 'store') return [assembler.store(step.address)];
  if (step.kind === 'fork')
    return [
      // SIGCHLD
      assembler.call(numbers.clone[column], [17n, 0n, 0n, 0n, 0n], { failure: index, keep: true }),
      assembler.wait(step.tells === true),
    ];
  return [
    assembler.call(numbers[step.name][column], step.arguments.map(value), {
      failure: step.purpose === undefined ? undefined : index,
      keep: step.answers ?? true,
    }),
  ];
}

/** The length of the code of steps: most look like one that was measured. */
function lengthOf(assembler: Assembler, steps: readonly Step[]): number {
  const known = new Map<string, number>();
  let length = assembler.exit().length;
  for (const step of steps) {
    const shape = shapeOf(step);
    const found =
      known.get(shape) ??
      codeOf(assembler, step, 0, (argument) => (isResult(argument) ? 'result' : 0n)).reduce(
        (sum, part) => sum + part.length,
        0,
      );
    known.set(shape, found);
    length += found;
  }
  return length;
}

/** Everything of a step that the length of its code depends on. */
function shapeOf(step: Step): string {
  if (step.kind === 'store') return 'store';
  if (step.kind === 'fork') return `fork ${step.tells === true}`;
  const values = step.arguments.map((argument) => (isResult(argument) ? 'r' : 'v')).join('');
  return `${values} ${step.purpose === undefined} ${step.answers ?? true}`;
}

function isResult(argument: Argument): boolean {
  return typeof argument === 'object' && 'result' in argument;
}

/** What the code refers to by address. */
class Data {
  readonly start: number;
  readonly #parts: Uint8Array[] = [];
  readonly #texts = new Map<string, number>();
  #length = 0;

  constructor(start: number) {
    this.start = start;
  }

  valueOf(argument: Argument): bigint | 'result' {
    if (typeof argument === 'number' || typeof argument === 'bigint') return BigInt(argument);
    if (typeof argument === 'string') return BigInt(this.#text(argument));
    if (argument instanceof Uint8Array) return BigInt(this.#add(argument));
    if ('result' in argument) return 'result';
    if ('quads' in argument) {
      const values = new DataView(new ArrayBuffer(argument.quads.length * 8));
      for (const [index, value] of argument.quads.entries())
        values.setBigUint64(index * 8, BigInt(value instanceof Uint8Array ? this.#add(value) : value), true);
      return BigInt(this.#add(new Uint8Array(values.buffer)));
    }
    const addresses = new DataView(new ArrayBuffer((argument.texts.length + 1) * 8));
    for (const [index, text] of argument.texts.entries())
      addresses.setBigUint64(index * 8, BigInt(this.#text(text)), true);
    return BigInt(this.#add(new Uint8Array(addresses.buffer)));
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #text(text: string): number {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw new TypeError('a text for the kernel holds a zero byte');
    const address = this.#add(Buffer.from(`${text}\0`));
    this.#texts.set(text, address);
    return address;
  }

  #add(bytes: Uint8Array): number {
    const address = this.start + this.#length;
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    this.#parts.push(padded);
    this.#length += padded.length;
    return address;
  }
}
