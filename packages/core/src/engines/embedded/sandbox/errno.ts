import { getSystemErrorName } from 'node:util';

/** The name of an error that Linux numbers, e.g. `EPERM`. */
export function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : `error ${errno}`;
}
