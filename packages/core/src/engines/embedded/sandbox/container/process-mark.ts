import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { may } from '../calls/kernel.ts';
import type { Step } from '../calls/syscall-program.ts';
import type { ContainerCommand } from './container-command.ts';

/** RLIMIT_LOCKS: kept, inherited and shown to everybody by Linux, and without a meaning since 2.4.25. */
const meaningless = 10;

/**
 * A number that a command and all that it starts are known by, whoever they become and whoever adopts them. Other than
 * their root and their environment, the machine tells it of every process to everybody.
 */
export function newMark(): bigint {
  return (1n << 62n) | (randomBytes(8).readBigUInt64BE() >> 2n);
}

/** Marks this process and what it starts. */
export function markSteps(mark: bigint, { limits = [] }: ContainerCommand): readonly Step[] {
  if (limits.some(([, number]) => number === meaningless)) return [];
  const bytes = new Uint8Array(BigUint64Array.of(mark, mark).buffer);
  return [may('prlimit64', 0, meaningless, bytes, 0)];
}

/** Notes the mark of a job in its folder, for whoever clears up after it. */
export function noteMark(work: string, mark: bigint): void {
  writeFileSync(fileIn(work), `${mark}`, { mode: 0o600 });
}

/** The mark of the job whose folder this is; `undefined` when its command had not begun. */
export function notedMark(work: string): string | undefined {
  try {
    const text = readFileSync(fileIn(work), 'latin1');
    return /^\d{19}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

export function hasMark(pid: string, mark: string): boolean {
  try {
    return new RegExp(`^Max file locks +${mark} `, 'm').test(readFileSync(`/proc/${pid}/limits`, 'latin1'));
  } catch {
    return false;
  }
}

function fileIn(work: string): string {
  return `${work}/mark`;
}
