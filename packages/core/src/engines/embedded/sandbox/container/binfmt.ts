import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { closeOnExec, here, may, must, numbered } from '../calls/kernel.ts';
import type { Step } from '../calls/syscall-program.ts';
import type { JobEmulator } from '../helper/job.ts';

/** What the programs of an architecture begin with: the ELF header's class, byte order, type and machine. */
const machines: Readonly<
  Record<string, { readonly wide: boolean; readonly big?: boolean; readonly number: number }>
> = {
  amd64: { wide: true, number: 62 },
  '386': { wide: false, number: 3 },
  arm64: { wide: true, number: 183 },
  arm: { wide: false, number: 40 },
  riscv64: { wide: true, number: 243 },
  s390x: { wide: true, big: true, number: 22 },
  ppc64le: { wide: true, number: 21 },
  loong64: { wide: true, number: 258 },
  mips64le: { wide: true, number: 8 },
};

/** Tells whether programs of this architecture can be recognized. */
export function canRegister(architecture: string): boolean {
  return machines[architecture] !== undefined;
}

/**
 * Registers emulators in the binfmt_misc of this user namespace, which nobody outside it sees.
 *
 * P keeps the name under which a program was called, F opens the emulator now, so that it need not be in the image, and
 * C lets set-user-id programs work. Linux 6.7 or newer.
 */
export function registerSteps(folder: string, emulators: readonly JobEmulator[]): readonly Step[] {
  mkdirSync(folder, { recursive: true });
  return [
    must('mount binfmt_misc', 'mount', 'binfmt_misc', folder, 'binfmt_misc', 0, 0),
    ...emulators.flatMap(({ architecture, file }) => {
      const line = Buffer.from(registration(architecture, file), 'latin1');
      return [
        // O_WRONLY
        must('open binfmt_misc', 'openat', here, `${folder}/register`, 1 | closeOnExec, 0),
        numbered(50),
        must(`register the emulator ${file}`, 'write', 50, line, line.length),
        may('fcntl', 50, 2, 1),
      ];
    }),
  ];
}

function registration(architecture: string, file: string): string {
  const machine = machines[architecture] as (typeof machines)[string];
  const { wide, big = false, number } = machine;
  const half = (value: number): readonly number[] =>
    big ? [value >> 8, value & 0xff] : [value & 0xff, value >> 8];
  const start = [0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, big ? 2 : 1, 1];
  const magic = [...start, ...Array.from({ length: 9 }, () => 0), ...half(2), ...half(number)];
  // ABI and padding may be anything; the type may be 2 (fixed) or 3 (position-independent).
  const mask = [
    ...Array.from({ length: 7 }, () => 0xff),
    ...[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ...(big ? [0xff, 0xfe] : [0xfe, 0xff]),
    ...[0xff, 0xff],
  ];
  const text = (bytes: readonly number[]): string =>
    bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  // The table of an earlier job of this user namespace may still be there.
  const name = `mabuild-${architecture}-${randomBytes(4).toString('hex')}`;
  return `:${name}:M::${text(magic)}:${text(mask)}:${file}:POCF`;
}
