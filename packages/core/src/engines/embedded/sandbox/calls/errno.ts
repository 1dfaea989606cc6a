import { constants } from 'node:os';

/** The name of an error that Linux numbers, e.g. `EPERM`. */
export function errnoName(errno: number): string {
  // Not Node's own names of errors, which leave out those that it never sees, ENOEXEC among them.
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `error ${errno}`;
}

/** As C's `strerror` has the usual ones. */
export function errorText(errno: number): string {
  const name = errnoName(errno);
  const texts: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    ENOEXEC: 'exec format error',
    ENOTDIR: 'not a directory',
  };
  return texts[name] ?? name;
}
