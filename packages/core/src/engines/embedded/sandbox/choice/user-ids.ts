import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Which users and groups a user namespace has: first inside, first outside, count. */
export type IdMap = readonly (readonly [number, number, number])[];

export interface IdMaps {
  /** Written by root, through newuidmap and newgidmap, or by oneself for oneself alone. */
  readonly kind: 'root' | 'tools' | 'single';
  readonly users: IdMap;
  readonly groups: IdMap;
}

export interface IdQuestion {
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  /** Whether newuidmap and newgidmap can be used. @default tried */
  readonly hasTools?: boolean | undefined;
}

/** Finds the users that a user namespace of this user may have: all of root's, or those of /etc/subuid. */
export async function idMaps(question: IdQuestion): Promise<IdMaps> {
  const { uid, gid, userName } = question;
  if (uid === 0) {
    return {
      kind: 'root',
      users: await ownMap('/proc/self/uid_map'),
      groups: await ownMap('/proc/self/gid_map'),
    };
  }
  const users = subordinates(await textOf('/etc/subuid'), uid, userName);
  const groups = subordinates(await textOf('/etc/subgid'), uid, userName);
  if (users.length === 0 || groups.length === 0 || !(question.hasTools ?? (await areToolsUsable())))
    return { kind: 'single', users: [[0, uid, 1]], groups: [[0, gid, 1]] };
  return { kind: 'tools', users: [[0, uid, 1], ...users], groups: [[0, gid, 1], ...groups] };
}

/** Reads the ranges of a user from /etc/subuid or /etc/subgid, numbered from 1 inside: subuid(5). */
export function subordinates(text: string, uid: number, userName: string): IdMap {
  let next = 1;
  return text.split('\n').flatMap((line): IdMap => {
    const [name = '', first = '', count = ''] = line.trim().split(':');
    if (name !== userName && name !== String(uid)) return [];
    if (!/^\d+$/.test(first) || !/^\d+$/.test(count) || Number(count) === 0) return [];
    const inside = next;
    next += Number(count);
    return [[inside, Number(first), Number(count)]];
  });
}

/** A user may be listed where the tools are not installed, or where no program may have more rights than who starts it. */
async function areToolsUsable(): Promise<boolean> {
  if (/^NoNewPrivs:\s*1$/m.test(await textOf('/proc/self/status'))) return false;
  const started = await Promise.all(
    ['newuidmap', 'newgidmap'].map(
      (tool) =>
        new Promise<boolean>((resolve) => {
          const child = spawn(tool, [], { stdio: 'ignore' });
          child.once('error', () => resolve(false));
          child.once('close', () => resolve(true));
        }),
    ),
  );
  return started.every(Boolean);
}

/** The same users as here. */
async function ownMap(file: string): Promise<IdMap> {
  const lines = (await textOf(file)).split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return lines.flatMap(([inside, , count]) =>
    inside === undefined || count === undefined ? [] : [[inside, inside, count] as const],
  );
}

async function textOf(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '');
}
