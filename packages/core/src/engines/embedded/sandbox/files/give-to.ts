import { chownSync } from 'node:fs';

/** Gives a file to a user; a user namespace with one user knows no other, which is told. */
export function giveTo(
  path: string,
  { uid, gid }: { readonly uid: number; readonly gid: number },
  onNote: (text: string) => void,
): void {
  try {
    chownSync(path, uid, gid);
  } catch (error) {
    if (!['EINVAL', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    onNote(`a mount for user ${uid}:${gid} belongs to root: this sandbox knows no other user`);
  }
}
