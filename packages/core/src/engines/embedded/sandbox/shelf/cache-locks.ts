import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type CallOptions, processName } from '@mabuild/oci';
import { isHeld, keepAlive } from '../../cache/leases.ts';

/** A cache mount that others may not use meanwhile. */
export interface LockedMount {
  readonly name: string;
  /** `locked` waits for it, `private` takes another one. */
  readonly sharing: 'locked' | 'private';
}

/** Locks on cache mounts, held against every process that uses the same shelf. */
export interface CacheLocks {
  /** The folders that were got, in the order of the mounts. */
  readonly names: readonly string[];
  release(): Promise<void>;
}

/** How often a lock that somebody else has is asked for again, milliseconds. */
const pause = 50;
/** Taking a dead lock away takes no longer, milliseconds. */
const longestTaking = 10_000;

/** Takes the locks of a RUN's cache mounts. @throws the abort reason */
export async function lockCaches(
  shelf: string,
  mounts: readonly LockedMount[],
  { signal }: CallOptions = {},
): Promise<CacheLocks> {
  const releases: (() => Promise<void>)[] = [];
  const names: string[] = mounts.map(({ name }) => name);
  const release = async (): Promise<void> => {
    for (const end of releases.splice(0)) await end();
  };
  if (mounts.length === 0) return { names, release };
  const folder = join(shelf, 'uses');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const take = async (name: string): Promise<boolean> => {
    const end = await tryLock(join(folder, `${name}.lock`));
    if (end) releases.push(end);
    return end !== undefined;
  };
  // In one order everywhere, so that two RUNs never wait for each other.
  const order = [...mounts.keys()].sort((a, b) => ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1));
  const held = new Set<string>();
  try {
    for (const index of order) {
      const { name, sharing } = mounts[index] as LockedMount;
      // One RUN may mount a cache twice.
      if (held.has(name) && sharing === 'locked') continue;
      let got = name;
      for (let number = 1; !(await take(got)); number += 1) {
        signal?.throwIfAborted();
        if (sharing === 'private') got = `${name}-${number}`;
        else await wait(pause);
      }
      held.add(got);
      names[index] = got;
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { names, release };
}

/** Makes a file that only one can make; that of a process that has ended is taken away first. */
async function tryLock(file: string): Promise<(() => Promise<void>) | undefined> {
  const mine = `${file}-${randomBytes(6).toString('hex')}`;
  const owner = `${processName() ?? ''} ${mine}`;
  await writeFile(mine, owner, { mode: 0o600 });
  try {
    // Linked, not written: it is there with its owner's name or not at all.
    await link(mine, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await takeAwayIfDead(file);
    return undefined;
  } finally {
    await rm(mine, { force: true });
  }
  const stop = keepAlive(file);
  return async () => {
    stop();
    await rm(file, { force: true });
  };
}

/** One at a time: who saw a dead lock a moment ago must not take away the one that came after it. */
async function takeAwayIfDead(file: string): Promise<void> {
  if (!(await isDead(file))) return;
  const guard = `${file}-taking`;
  try {
    await writeFile(guard, '', { flag: 'wx', mode: 0o600 });
  } catch {
    const found = await stat(guard).catch(() => undefined);
    if (found !== undefined && Math.abs(Date.now() - found.mtimeMs) > longestTaking)
      await rm(guard, { force: true });
    return;
  }
  try {
    if (await isDead(file)) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

async function isDead(file: string): Promise<boolean> {
  const owner = await readFile(file, 'utf8').catch(() => undefined);
  return owner !== undefined && !(await isHeld(file, owner));
}
