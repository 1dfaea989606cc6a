import { userInfo } from 'node:os';

/** Whoever this process runs as. */
export interface User {
  /** -1 on Windows. */
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** The user of this process; one that the system has no name for, as in `docker run --user 1234`, is named by number. */
export function thisUser(): User {
  try {
    const { uid, gid, username } = userInfo();
    return { uid, gid, name: username };
  } catch {
    const uid = process.getuid?.() ?? -1;
    return { uid, gid: process.getgid?.() ?? -1, name: String(uid) };
  }
}
