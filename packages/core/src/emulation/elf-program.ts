import type { Platform } from '@mabuild/oci';

/** What an ELF header says of the processor that it is for. */
interface Target {
  /** `e_machine`. */
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly bigEndian?: boolean;
  /** `e_flags`. */
  readonly flags: number;
}

const targets = {
  amd64: { machine: 62, bits: 64, flags: 0 },
  '386': { machine: 3, bits: 32, flags: 0 },
  arm64: { machine: 183, bits: 64, flags: 0 },
  // EABI 5, neither float ABI: the code touches no float.
  arm: { machine: 40, bits: 32, flags: 0x05000000 },
  riscv64: { machine: 243, bits: 64, flags: 0 },
  s390x: { machine: 22, bits: 64, bigEndian: true, flags: 0 },
  ppc64le: { machine: 21, bits: 64, flags: 2 },
  loong64: { machine: 258, bits: 64, flags: 0x43 },
  mips64le: { machine: 8, bits: 64, flags: 0x80000007 },
} satisfies Record<string, Target>;

/** The exit code of every probe: one that no failing engine gives. */
export const probeExitCode = 42;

/** Machine code of `exit(42)`, by `architecture` or `architecture/variant`. */
const exitCode: Readonly<Record<string, Uint8Array>> = {
  // mov edi, 42; mov eax, 60; syscall
  amd64: hex('bf2a000000b83c0000000f05'),
  // mov ebx, 42; mov eax, 1; int 0x80
  '386': hex('bb2a000000b801000000cd80'),
  // mov x0, #42; mov x8, #93; svc #0
  arm64: words(0xd2800540, 0xd2800ba8, 0xd4000001),
  // mov r0, #42; mov r7, #1; svc #0
  'arm/v5': words(0xe3a0002a, 0xe3a07001, 0xef000000),
  // UXTB came with ARMv6: an older processor stops here.
  'arm/v6': words(0xe3a0002a, 0xe6ef0070, 0xe3a07001, 0xef000000),
  // MOVW came with ARMv7: an ARMv6 processor stops here.
  'arm/v7': words(0xe300002a, 0xe3a07001, 0xef000000),
  // li a0, 42; li a7, 93; ecall
  riscv64: words(0x02a00513, 0x05d00893, 0x00000073),
  // lghi %r2, 42; svc 1
  s390x: hex('a729002a0a010000'),
  // li r0, 1; li r3, 42; sc
  ppc64le: words(0x38000001, 0x3860002a, 0x44000002),
  // li.w a0, 42; li.w a7, 93; syscall 0
  loong64: words(0x0280a804, 0x0281740b, 0x002b0000),
  // li a0, 42; li v0, 5058; syscall
  mips64le: words(0x2404002a, 0x240213c2, 0x0000000c),
};

/**
 * Machine code that writes each file named in its arguments to stdout, a directory as raw `getdents64` records:
 * open, then read (getdents64 after EISDIR) and write until nothing comes.
 */
const dumpCode: Readonly<Record<string, Uint8Array>> = {
  amd64: hex(
    '4c8d6424104881ec00200000498b34244885f6744b4983c408bf9cffffff31d2b8010100000f054189c54531f64489f04489ef4889e6' +
      'ba001000000f054883f8eb750841bed9000000ebe24885c07ebc89c2b801000000bf010000000f05ebcd31ffb83c0000000f05',
  ),
  arm64: words(
    // x19 = &argv[1]; a page of buffer
    ...[0x910043f3, 0xd14007ff],
    // next: x1 = *x19++; none left: done
    ...[0xf8408661, 0xb40002e1],
    // x20 = openat(AT_FDCWD, x1, O_RDONLY); x21 = read
    ...[0x92800c60, 0xd2800002, 0xd2800708, 0xd4000001, 0xaa0003f4, 0xd28007f5],
    // again: x0 = x21(x20, buffer, 4096); -EISDIR: x21 = getdents64, again
    ...[
      0xaa1403e0, 0x910003e1, 0xd2820002, 0xaa1503e8, 0xd4000001, 0xb100541f, 0x54000061, 0xd28007b5,
      0x17fffff8,
    ],
    // nothing: next; write(1, buffer, x0); again
    ...[0xf100001f, 0x54fffdcd, 0xaa0003e2, 0xd2800020, 0xd2800808, 0xd4000001, 0x17fffff1],
    // done: exit(0)
    ...[0xd2800000, 0xd2800ba8, 0xd4000001],
  ),
  arm: words(
    // r4 = &argv[1]; a page of buffer
    ...[0xe28d4008, 0xe24dda01],
    // next: r0 = *r4++; none left: done
    ...[0xe4940004, 0xe3500000, 0x0a000013],
    // r5 = open(r0, O_RDONLY); r6 = read
    ...[0xe3a01000, 0xe3a07005, 0xef000000, 0xe1a05000, 0xe3a06003],
    // again: r0 = r6(r5, buffer, 4096); -EISDIR: r6 = getdents64, again
    ...[0xe1a00005, 0xe1a0100d, 0xe3a02a01, 0xe1a07006, 0xef000000, 0xe3700015, 0x03a060d9, 0x0afffff7],
    // nothing: next; write(1, buffer, r0); again
    ...[0xe3500000, 0xdaffffed, 0xe1a02000, 0xe3a00001, 0xe3a07004, 0xef000000, 0xeafffff0],
    // done: exit(0)
    ...[0xe3a00000, 0xe3a07001, 0xef000000],
  ),
};

/** A program of this platform that does nothing but exit with {@link probeExitCode}; `undefined` for a processor that is not known. */
export function probeProgram(platform: Platform): Uint8Array | undefined {
  const { architecture, variant } = platform;
  const code =
    architecture === 'arm'
      ? exitCode[`arm/${variant === 'v5' || variant === 'v6' ? variant : 'v7'}`]
      : exitCode[architecture];
  return staticElf(architecture, code);
}

/** A program that writes the files named in its arguments to stdout; `undefined` for a processor that is not known. */
export function dumpProgram(platform: Platform): Uint8Array | undefined {
  return staticElf(platform.architecture, dumpCode[platform.architecture]);
}

const base = 0x10000;

/** Where the machine code of {@link staticElf} begins in memory; undefined for a processor that is not known. */
export function codeAddress(architecture: string): number | undefined {
  const target: Target | undefined = (targets as Readonly<Record<string, Target>>)[architecture];
  return target && base + (target.bits === 64 ? 64 + 56 : 52 + 32);
}

/** Wraps machine code into the smallest static ELF executable: one header, one segment. */
export function staticElf(architecture: string, code: Uint8Array | undefined): Uint8Array | undefined {
  const target: Target | undefined = (targets as Readonly<Record<string, Target>>)[architecture];
  if (target === undefined || code === undefined) return undefined;
  const wide = target.bits === 64;
  const headerSize = wide ? 64 : 52;
  const segmentSize = wide ? 56 : 32;
  const codeOffset = headerSize + segmentSize;
  const size = codeOffset + code.length;
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const little = target.bigEndian !== true;
  let offset = 0;
  const half = (value: number): void => {
    view.setUint16(offset, value, little);
    offset += 2;
  };
  const word = (value: number): void => {
    view.setUint32(offset, value, little);
    offset += 4;
  };
  // An address, an offset or a size: as wide as the class.
  const long = (value: number): void => {
    if (wide) {
      view.setBigUint64(offset, BigInt(value), little);
      offset += 8;
    } else word(value);
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  offset = 16;
  half(2); // ET_EXEC
  half(target.machine);
  word(1);
  long(base + codeOffset);
  long(headerSize);
  long(0);
  word(target.flags);
  half(headerSize);
  half(segmentSize);
  half(1);
  half(wide ? 64 : 40);
  offset = headerSize;
  word(1); // PT_LOAD
  if (wide) word(5); // readable, executable
  long(0);
  long(base);
  long(base);
  long(size);
  long(size);
  if (!wide) word(5);
  // The largest page size of any Linux.
  long(0x10000);
  file.set(code, codeOffset);
  return file;
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  for (const [index, value] of values.entries()) bytes.setUint32(index * 4, value, true);
  return new Uint8Array(bytes.buffer);
}
