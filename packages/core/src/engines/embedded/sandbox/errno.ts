import { constants } from 'node:os';

/** The name of an error that Linux numbers, e.g. `EPERM`. */
export function errnoName(errno: number): string {
  // Not Node's own names of errors, which leave out those that it never sees, ENOEXEC among them.
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `error ${errno}`;
}
