import { normalizePlatform, type Platform } from '../platform.ts';
import { type ElfFacts, elfMachineName } from './elf-facts.ts';

/** Why an ELF file does not run on a platform. */
export interface MachineMismatch {
  readonly kind: 'elf-machine' | 'elf-class';
  /** What the file is made for, e.g. `x86-64`. */
  readonly found: string;
  /**
   * The platform's hosts usually run it all the same: 386 on amd64 always, 32-bit ARM on arm64 on some processors.
   */
  readonly tolerated?: 'always' | 'sometimes';
}

interface Machine {
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly endianness: 'little' | 'big';
  readonly also?: { readonly machine: number; readonly tolerated: 'always' | 'sometimes' };
}

const little = 'little';
const big = 'big';
const machinesOf: Readonly<Record<string, Machine>> = {
  '386': { machine: 3, bits: 32, endianness: little },
  amd64: { machine: 62, bits: 64, endianness: little, also: { machine: 3, tolerated: 'always' } },
  arm: { machine: 40, bits: 32, endianness: little },
  arm64: { machine: 183, bits: 64, endianness: little, also: { machine: 40, tolerated: 'sometimes' } },
  loong64: { machine: 258, bits: 64, endianness: little },
  mips: { machine: 8, bits: 32, endianness: big },
  mipsle: { machine: 8, bits: 32, endianness: little },
  mips64: { machine: 8, bits: 64, endianness: big },
  mips64le: { machine: 8, bits: 64, endianness: little },
  ppc64: { machine: 21, bits: 64, endianness: big },
  ppc64le: { machine: 21, bits: 64, endianness: little },
  riscv64: { machine: 243, bits: 64, endianness: little },
  s390x: { machine: 22, bits: 64, endianness: big },
};

const triplesOf: Readonly<Record<string, readonly string[]>> = {
  '386': ['i386-linux-gnu', 'i386-linux-musl'],
  amd64: ['x86_64-linux-gnu', 'x86_64-linux-musl'],
  arm: ['arm-linux-gnueabihf', 'arm-linux-gnueabi', 'arm-linux-musleabihf'],
  arm64: ['aarch64-linux-gnu', 'aarch64-linux-musl'],
  loong64: ['loongarch64-linux-gnu'],
  mips64le: ['mips64el-linux-gnuabi64'],
  mipsle: ['mipsel-linux-gnu'],
  ppc64le: ['powerpc64le-linux-gnu'],
  riscv64: ['riscv64-linux-gnu'],
  s390x: ['s390x-linux-gnu'],
};

/** The architecture that an ELF file is made for; `undefined` for a processor without rules. */
export function architectureOf(file: ElfFacts): string | undefined {
  return Object.keys(machinesOf).find((name) => {
    const { machine, bits, endianness } = machinesOf[name] as Machine;
    return machine === file.machine && bits === file.bits && endianness === file.endianness;
  });
}

/** Tells whether ELF files can be judged for a platform. */
export function hasElfRules(platform: Platform): boolean {
  return platform.os === 'linux' && machinesOf[normalizePlatform(platform).architecture] !== undefined;
}

/** Debian's names of the folders under `/usr/lib` that hold a platform's libraries. */
export function libraryTriples(platform: Platform): readonly string[] {
  return triplesOf[normalizePlatform(platform).architecture] ?? [];
}

/** Tells why a file does not run on a platform; `undefined` when it does. */
export function machineMismatch(file: ElfFacts, platform: Platform): MachineMismatch | undefined {
  const expected = machinesOf[normalizePlatform(platform).architecture];
  if (expected === undefined) {
    return undefined;
  }
  const sameMachine = file.machine === expected.machine;
  const found = describe(file, sameMachine);
  if (sameMachine && file.endianness === expected.endianness) {
    return file.bits === expected.bits ? undefined : { kind: 'elf-class', found };
  }
  const { also } = expected;
  const tolerated =
    also?.machine === file.machine && file.endianness === 'little' ? also.tolerated : undefined;
  return { kind: 'elf-machine', found, ...(tolerated === undefined ? {} : { tolerated }) };
}

function describe(file: ElfFacts, sameMachine: boolean): string {
  const name = elfMachineName(file.machine);
  if (!sameMachine) {
    return name;
  }
  return `${name}, ${file.bits}-bit, ${file.endianness}-endian`;
}

/** The ARM version that `Tag_CPU_arch` stands for. v6T2 counts as v7: no v6 board has Thumb-2. */
export function armVersionOf(cpuArch: number): number {
  const versions = [3, 4, 4, 5, 5, 5, 6, 6, 7, 6, 7, 6, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 9];
  return versions[cpuArch] ?? 0;
}

/** The ARM version of a 32-bit ARM platform, 7 for `linux/arm`; `undefined` for other platforms. */
export function armVersion(platform: Platform): number | undefined {
  const { architecture, variant = '' } = normalizePlatform(platform);
  const version = /^v([5-9])$/.exec(variant)?.[1];
  return architecture === 'arm' && version !== undefined ? Number(version) : undefined;
}
