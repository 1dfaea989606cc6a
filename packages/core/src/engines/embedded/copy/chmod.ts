import { CopyError } from './layer-draft.ts';

/** What `--chmod` does to a mode: sets it, or changes classes of bits in it, as in `u=rwX,go-w`. */
export type ModeChange = number | readonly ModeClause[];

interface ModeClause {
  readonly who: string;
  readonly operator: string;
  readonly permissions: string;
}

/** Reads `--chmod`. @throws CopyError when it is neither octal nor symbolic */
export function parseChmod(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) return Number.parseInt(text, 8);
  const clauses = text.split(',').map((clause) => /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause));
  if (text === '' || clauses.some((clause) => clause === null)) {
    throw new CopyError(
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777, or like u=rwX,go=rX`,
    );
  }
  return clauses.map((clause) => ({
    who: clause?.[1] || 'a',
    operator: clause?.[2] ?? '',
    permissions: clause?.[3] ?? '',
  }));
}

/** The mode after the change. */
export function changeMode(mode: number, change: ModeChange, isFolder: boolean): number {
  if (typeof change === 'number') return change;
  let next = mode;
  for (const { who, operator, permissions } of change) {
    const bits = bitsOf(who, permissions, next, isFolder);
    if (operator === '+') next |= bits;
    else if (operator === '-') next &= ~bits;
    else next = (next & ~maskOf(who)) | bits;
  }
  return next;
}

const shifts: Readonly<Record<string, readonly number[]>> = { u: [6], g: [3], o: [0], a: [6, 3, 0] };

function bitsOf(who: string, permissions: string, mode: number, isFolder: boolean): number {
  let bits = 0;
  for (const permission of permissions) {
    if (permission === 't') bits |= /[oa]/.test(who) ? 0o1000 : 0;
    else if (permission === 's') bits |= (/[ua]/.test(who) ? 0o4000 : 0) | (/[ga]/.test(who) ? 0o2000 : 0);
    else {
      const bit =
        permission === 'r'
          ? 4
          : permission === 'w'
            ? 2
            : permission === 'x' || isFolder || (mode & 0o111) !== 0
              ? 1
              : 0;
      for (const class_ of who) for (const shift of shifts[class_] ?? []) bits |= bit << shift;
    }
  }
  return bits;
}

/** What `=` sets anew. */
function maskOf(who: string): number {
  let mask = (/[ua]/.test(who) ? 0o4000 : 0) | (/[ga]/.test(who) ? 0o2000 : 0);
  for (const class_ of who) for (const shift of shifts[class_] ?? []) mask |= 7 << shift;
  return mask;
}
