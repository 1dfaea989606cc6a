import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { processName, processNamePattern } from '@mabuild/oci';
import { namesBelow } from '../sandbox/files/names-below.ts';

/** Says that a build uses what it is about to look for: nobody deletes it before the build has ended. */
export type Claim = (path: string) => Promise<void>;

/** Held by a build for as long as it reads from a cache. */
export interface Lease {
  /**
   * Dates a file or folder of the cache, and waits for whoever is deleting it right now: what is there afterwards stays
   * until {@link Lease.release}.
   */
  readonly claim: Claim;
  release(): Promise<void>;
}

/** Who uses a cache, and who deletes from it. */
interface Holder {
  readonly file: string;
  readonly kind: 'build' | 'prune';
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** How often a build says that it still runs, milliseconds: those of another container cannot be asked. */
const heartbeat = 30_000;
/** After so long without a word it has ended. */
const longestSilence = 5 * 60_000;
/** File systems and clocks that count coarsely. */
const slack = 2_000;
const names = new RegExp(`^(build|prune)-(\\d+)-(?:${processNamePattern}-)?[0-9a-f]{12}$`);

/**
 * Takes a lease on a cache. What ended without giving its own back is cleared away.
 *
 * Whoever deletes writes down what first, and then looks at when it was used last; whoever uses something dates it first,
 * and then looks whether it is written down. One of them sees the other.
 */
export async function openLease(cache: string): Promise<Lease> {
  const file = await enter(cache, 'build', '').catch(() => undefined);
  // A cache that cannot be written to is not deleted from by this user either.
  if (file === undefined) return { claim: async () => undefined, release: async () => undefined };
  let isReleased = false;
  let beating: Promise<unknown> = Promise.resolve();
  const stop = keepAlive(file, () => {
    // A clock that was set forward, or a machine that slept: others took it for that of a build that has ended.
    if (!isReleased) beating = writeFile(file, '', { mode: 0o600, flag: 'wx' }).catch(() => undefined);
  });
  const since = Number(names.exec(basename(file))?.[2]);
  const claimed = new Map<string, Promise<void>>();
  const claim = async (path: string): Promise<void> => {
    // The clock may have been set back: what is used now is not older than the lease.
    const now = new Date(Math.max(Date.now(), since));
    await utimes(path, now, now).catch(() => undefined);
    for (const { file: intent } of await holders(cache, 'prune'))
      if ((await listOf(intent)).includes(path)) await gone(intent);
  };
  // Other deletions may be under way: no build begins in the middle of one.
  for (const { kind, file: intent } of await holders(cache)) if (kind === 'prune') await gone(intent);
  return {
    claim(path) {
      const known = claimed.get(path) ?? claim(path);
      claimed.set(path, known);
      return known;
    },
    async release() {
      isReleased = true;
      stop();
      await beating;
      await rm(file, { force: true });
    },
  };
}

/** Dates a file for as long as this process holds it. @param onGone called when somebody deleted it @returns what ends that */
export function keepAlive(file: string, onGone: () => void = () => undefined): () => void {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(onGone);
  }, heartbeat);
  beat.unref();
  return () => clearInterval(beat);
}

/** When the oldest of the builds that use a cache began; `undefined` when there is none. */
export async function oldestLease(cache: string): Promise<number | undefined> {
  const builds = await holders(cache, 'build');
  return builds.length === 0 ? undefined : Math.min(...builds.map(({ since }) => since)) - slack;
}

/**
 * Announces what is about to be deleted, and lets `work` do it: it is to look first at when each was used last, and leave
 * alone what was used since `since`.
 */
export async function announced<T>(
  cache: string,
  paths: readonly string[],
  work: (since: number | undefined) => Promise<T>,
): Promise<T> {
  const file = await enter(cache, 'prune', JSON.stringify(paths));
  try {
    return await work(await oldestLease(cache));
  } finally {
    await rm(file, { force: true });
  }
}

function folderOf(cache: string): string {
  return join(cache, 'leases');
}

async function enter(cache: string, kind: Holder['kind'], content: string): Promise<string> {
  const folder = folderOf(cache);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const owner = processName();
  const hex = randomBytes(6).toString('hex');
  const file = join(folder, `${kind}-${Date.now()}-${owner === undefined ? '' : `${owner}-`}${hex}`);
  // Nobody reads the half of it.
  const unfinished = join(folder, `.${hex}`);
  await writeFile(unfinished, content, { mode: 0o600 });
  await rename(unfinished, file);
  return file;
}

async function holders(cache: string, wanted?: Holder['kind']): Promise<readonly Holder[]> {
  const folder = folderOf(cache);
  const found: Holder[] = [];
  for (const name of namesBelow(cache, 'leases')) {
    const [, kind, since] = names.exec(name) ?? [];
    const file = join(folder, name);
    if (wanted !== undefined && kind !== undefined && kind !== wanted) continue;
    if (kind === undefined) await removeOld(file);
    else if (await isHeld(file, name))
      found.push({ file, kind: kind as Holder['kind'], since: Number(since) });
    else await rm(file, { force: true }).catch(() => undefined);
  }
  return found;
}

/**
 * Tells whether whoever made a file still runs: as /proc says, or as its date does where that cannot tell.
 * @param name holds its process's name, where there is one
 */
export async function isHeld(file: string, name: string): Promise<boolean> {
  const owner = new RegExp(processNamePattern).exec(name)?.[0];
  const [pid = '', , space] = owner?.split('.') ?? [];
  if (owner !== undefined && space === processName()?.split('.')[2])
    return processName(Number(pid)) === owner;
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  const now = Date.now();
  // The clock was set back: from now on it counts again.
  if (found.mtimeMs > now + heartbeat) await utimes(file, now / 1000, now / 1000).catch(() => undefined);
  return found.mtimeMs > now - longestSilence;
}

async function removeOld(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined && found.mtimeMs < Date.now() - longestSilence)
    await rm(file, { force: true }).catch(() => undefined);
}

async function listOf(intent: string): Promise<readonly unknown[]> {
  try {
    const list: unknown = JSON.parse(await readFile(intent, 'utf8'));
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

async function gone(intent: string): Promise<void> {
  const name = intent.slice(intent.lastIndexOf('/') + 1);
  while ((await stat(intent).catch(() => undefined)) !== undefined && (await isHeld(intent, name)))
    await wait(2);
}
