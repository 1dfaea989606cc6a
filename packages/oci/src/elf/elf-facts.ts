/** What an ELF file's headers say about the machine that it runs on: System V ABI, "Object Files". */
export interface ElfFacts {
  /** `e_machine`, e.g. 62 for x86-64, 183 for AArch64. */
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly endianness: 'little' | 'big';
  /** `EI_OSABI`: 0 System V, 3 Linux, 9 FreeBSD. */
  readonly osAbi: number;
  /** `dynamic` is a shared library or a position-independent program. */
  readonly type: 'relocatable' | 'executable' | 'dynamic' | 'core' | 'other';
  /** 32-bit ARM only, and only where the file says which: Go's programs do not. */
  readonly floatAbi?: 'hard' | 'soft';
  /** 32-bit ARM only: `Tag_CPU_arch` of the build attributes (6 is v6, 10 is v7, 14 is v8). */
  readonly cpuArch?: number;
  /** `PT_INTERP`: the loader that starts the program. */
  readonly interpreter?: string;
  /** `DT_NEEDED`: libraries by name. Absent when there is no dynamic section, or it could not be reached. */
  readonly needed?: readonly string[];
  /** `DT_RUNPATH` or, without one, `DT_RPATH`, as written (`$ORIGIN` and all). */
  readonly runPath?: readonly string[];
}

const machineNames: ReadonlyMap<number, string> = new Map([
  [2, 'sparc'],
  [3, 'x86'],
  [8, 'mips'],
  [20, 'ppc'],
  [21, 'ppc64'],
  [22, 's390'],
  [40, 'arm'],
  [43, 'sparc64'],
  [50, 'ia64'],
  [62, 'x86-64'],
  [183, 'aarch64'],
  [243, 'riscv'],
  [247, 'bpf'],
  [258, 'loongarch'],
]);
/** The usual name of an `e_machine` number. */
export function elfMachineName(machine: number): string {
  return machineNames.get(machine) ?? `machine ${machine}`;
}
