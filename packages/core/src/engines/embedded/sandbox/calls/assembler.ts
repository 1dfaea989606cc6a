/** A value of a register: a number, or what the last kept call answered. */
type Value = bigint | 'result';

interface CallOptions {
  /** Number under which a failure is told; without one the program goes on. */
  readonly failure: number | undefined;
  /** The answer becomes the last answer. */
  readonly keep: boolean;
}

/** Writes the machine code of the few things that a program of system calls does. Lengths never depend on values. */
export interface Assembler {
  call(number: number, values: readonly Value[], options: CallOptions): Uint8Array;
  /**
   * After a `clone`: the child goes on; the parent waits for it, takes in orphans, and exits with its code (128 + signal).
   * @param tells it writes the code, 8 bytes, to where failures are told
   */
  wait(tells: boolean): Uint8Array;
  store(address: number): Uint8Array;
  exit(): Uint8Array;
}

/** Failures are told here. */
const reportDescriptor = 3;
const failedExitCode = 125;
const none = new Uint8Array(0);

/** The beginning of `mov register, imm64` for each argument, and `mov register, r12`. */
const amd64Values = ['48bf', '48be', '48ba', '49ba', '49b8', '49b9'].map(bytes);
const amd64Results = ['4c89e7', '4c89e6', '4c89e2', '4d89e2', '4d89e0', '4d89e1'].map(bytes);
// mov eax, number; syscall; mov r12, rax
const [amd64Number, amd64Call, amd64Keep] = ['b8', '0f05', '4989c4'].map(bytes) as [Buffer, Buffer, Buffer];
// test rax, rax; jns over the report
const amd64Check = bytes('4885c079');
/** push rax; push failure; mov rsi, rsp; mov edi, 3; mov edx, 16; mov eax, write; syscall; mov edi, code; exit_group */
const amd64Report = [
  bytes('5068'),
  Buffer.concat([
    ...[bytes('4889e6bf'), word(reportDescriptor), bytes('ba10000000b8010000000f05')],
    ...[bytes('bf'), word(failedExitCode), bytes('b8e70000000f05')],
  ]),
] as const;

/** Intel 64 and IA-32 Software Developer's Manual, volume 2; System V ABI, "Linux Conventions". The last answer is in r12. */
export const amd64: Assembler = {
  call(number, values, { failure, keep }) {
    const parts: Uint8Array[] = [];
    for (const [index, value] of values.entries()) {
      if (value === 'result') parts.push(amd64Results[index] ?? none);
      else parts.push(amd64Values[index] ?? none, quad(value));
    }
    parts.push(amd64Number, word(number), amd64Call);
    if (keep) parts.push(amd64Keep);
    if (failure !== undefined) {
      const [before, after] = amd64Report;
      parts.push(amd64Check, Uint8Array.of(before.length + 4 + after.length), before, word(failure), after);
    }
    return Buffer.concat(parts);
  },
  wait(tells) {
    // push rdi; mov rsi, rsp; write(3, rsp, 8); pop rdi
    const tell = tells ? '574889e6ba08000000bf03000000b8010000000f055f' : '';
    const parent = bytes(
      // mov r13, rax; sub rsp, 16
      '4989c54883ec10' +
        // again: mov rdi, -1; mov rsi, rsp; xor edx, edx; xor r10d, r10d; mov eax, wait4; syscall
        '48c7c7ffffffff4889e631d24531d2b83d0000000f05' +
        // cmp rax, r13; jne again; mov edi, [rsp]; mov eax, edi; and eax, 0x7f; jnz signalled
        '4c39e875e58b3c2489f883e07f750b' +
        // shr edi, 8; and edi, 0xff; jmp leave
        'c1ef0881e7ff000000eb06' +
        // signalled: lea edi, [rax + 128]; leave: mov eax, exit_group; syscall
        `8db880000000${tell}b8e70000000f05`,
    );
    // jz over the parent's part: test rax, rax; jz
    return Buffer.concat([bytes('4885c074'), Uint8Array.of(parent.length), parent]);
  },
  // mov rax, address; mov [rax], r12
  store: (address) => Buffer.concat([bytes('48b8'), quad(BigInt(address)), bytes('4c8920')]),
  // xor edi, edi; mov eax, exit_group; syscall
  exit: () => bytes('31ffb8e70000000f05'),
};

/** Arm Architecture Reference Manual, A64. The last answer is in x19. */
export const arm64: Assembler = {
  call(number, values, { failure, keep }) {
    const load = values.flatMap((value, register) =>
      value === 'result' ? [0xaa1303e0 + register] : wide(register, value),
    );
    // svc #0; mov x19, x0
    const call = [...load, ...short(8, number), 0xd4000001, ...(keep ? [0xaa0003f3] : [])];
    if (failure === undefined) return code(call);
    const report = [
      // sub sp, sp, #16; stp x1, x0, [sp]; write(3, sp, 16)
      ...[0xd10043ff, ...short(1, failure), 0xa90003e1],
      ...[...short(0, reportDescriptor), 0x910003e1, ...short(2, 16), ...short(8, 64), 0xd4000001],
      ...[...short(0, failedExitCode), ...short(8, 94), 0xd4000001],
    ];
    // tbz x0, #63, over the report
    return code([...call, 0xb6f80000 + ((report.length + 1) << 5), ...report]);
  },
  wait(tells) {
    const again = [
      // movn x0, #0; mov x1, sp; wait4; cmp x0, x20
      ...[0x92800000, 0x910003e1, ...short(2, 0), ...short(3, 0), ...short(8, 260), 0xd4000001, 0xeb14001f],
    ];
    const parent = [
      // mov x20, x0; sub sp, sp, #16
      ...[0xaa0003f4, 0xd10043ff],
      ...again,
      // b.ne again
      0x54000001 + ((-again.length & 0x7ffff) << 5),
      // ldr w0, [sp]; and w1, w0, #0x7f; cbnz w1, signalled; ubfx w0, w0, #8, #8; b leave
      ...[0xb94003e0, 0x12001801, 0x35000061, 0x53083c00, 0x14000002],
      // signalled: add w0, w1, #128
      0x11020020,
      // leave: str x0, [sp, #-16]!; write(3, sp, 8); ldr x0, [sp], #16
      ...(tells
        ? [
            ...[0xf81f0fe0, ...short(0, reportDescriptor), 0x910003e1, ...short(2, 8)],
            ...[...short(8, 64), 0xd4000001, 0xf84107e0],
          ]
        : []),
      // exit_group
      ...[...short(8, 94), 0xd4000001],
    ];
    // cbz x0, over the parent's part
    return code([0xb4000000 + ((parent.length + 1) << 5), ...parent]);
  },
  // str x19, [x0]
  store: (address) => code([...wide(0, BigInt(address)), 0xf9000013]),
  exit: () => code([...short(0, 0), ...short(8, 94), 0xd4000001]),
};

/** movz, movk, movk, movk: always four. */
function wide(register: number, value: bigint): number[] {
  const unsigned = BigInt.asUintN(64, value);
  return [0, 1, 2, 3].map((part) => {
    const sixteen = Number((unsigned >> BigInt(part * 16)) & 0xffffn);
    return (part === 0 ? 0xd2800000 : 0xf2800000) + (part << 21) + (sixteen << 5) + register;
  });
}

/** movz of a number below 65536. */
function short(register: number, value: number): number[] {
  return [0xd2800000 + (value << 5) + register];
}

function code(instructions: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(instructions.length * 4));
  for (const [index, instruction] of instructions.entries()) view.setUint32(index * 4, instruction, true);
  return new Uint8Array(view.buffer);
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

function word(value: number): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(value);
  return four;
}

function quad(value: bigint): Buffer {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64LE(BigInt.asUintN(64, value));
  return eight;
}
