import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';

/** What a {@link processName} looks like. */
export const processNamePattern: string = '\\d+\\.\\d+\\.\\d+';

/** Of what lies there without a name that can be asked about, ms. */
const longestLife = 24 * 60 * 60 * 1000;

/**
 * Names a process as no other is: its number, when it began, and the namespace that counts it.
 *
 * What is kept under such a name is known to be nobody's any more once the process has ended, however it ended.
 * @returns `undefined` for a process that has ended, and where there is no /proc
 */
export function processName(pid: number | 'self' = 'self'): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's own name stands in brackets, and may hold anything.
    const [number = ''] = text.split(' ', 1);
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, began] = [fields[0], fields[19]];
    // It has ended, and only its parent has not asked how.
    if (state === 'Z' || state === 'X') return undefined;
    return `${number}.${began}.${namespace()}`;
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a file or folder, named after the process that made it, was left by one that has ended.
 *
 * That of another container, of another machine, from before a restart, or without such a name counts as left when nothing
 * touched it for a day.
 */
export function isLeftBehind(path: string): boolean {
  const name = new RegExp(processNamePattern).exec(path.slice(path.lastIndexOf('/') + 1))?.[0];
  const [pid = '', , space] = name?.split('.') ?? [];
  if (name !== undefined && space === ownNamespace()) return processName(Number(pid)) !== name;
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.mtimeMs < Date.now() - longestLife;
}

function ownNamespace(): string | undefined {
  try {
    return namespace();
  } catch {
    return undefined;
  }
}

/** Tells the namespace that counts processes from all others, those of other machines too: their numbers are often the same. */
function namespace(): string {
  const hash = createHash('sha256').update(`${readlinkSync('/proc/self/ns/pid')} ${startOfMachine()}`);
  return String(hash.digest().readUIntBE(0, 4));
}

/** A number that Linux draws when it starts. */
function startOfMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  } catch {
    return '';
  }
}
