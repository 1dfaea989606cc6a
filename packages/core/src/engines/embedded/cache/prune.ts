import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '@mabuild/oci';
import { namesBelow } from '../sandbox/files/names-below.ts';
import { openShelves } from '../sandbox/shelf/shelves.ts';
import { type CacheItem, type CacheKind, type CachePlace, cacheItems, lastUseOf } from './items.ts';
import { announced } from './leases.ts';

/** What is to be deleted. */
export interface PruneOptions extends CallOptions {
  /** Only these. @default all */
  readonly kinds?: readonly CacheKind[] | undefined;
  /** Only what was used last before this, milliseconds since the epoch. @default whenever it was */
  readonly before?: number | undefined;
  /** Bytes of the whole cache that stay, the last used first. @default 0 */
  readonly keep?: number | undefined;
}

/** What was deleted, and what is left. */
export interface Pruned {
  readonly removed: readonly CacheItem[];
  /** Bytes that are left. */
  readonly left: number;
  /** What would have been deleted, but is used by a build that runs. */
  readonly inUse: number;
  /** What could not be deleted, in words. */
  readonly problems: readonly string[];
}

/** Deleted between two looks at who builds: nobody waits for long. */
const batchSize = 64;
/** How often a build looks at the size of its cache, milliseconds. */
const checkedEvery = 10 * 60_000;
/** What is left of a cache that was too large: the next build does not delete again. */
const leftOver = 0.9;

/**
 * Deletes what was used least recently; never what a build uses that runs, in this process or another one.
 * @throws the abort reason
 */
export async function pruneItems(place: CachePlace, options: PruneOptions = {}): Promise<Pruned> {
  const { kinds, before = Number.POSITIVE_INFINITY, keep = 0, signal } = options;
  const items = [...(await cacheItems(place, { signal }))].sort((a, b) => a.lastUsed - b.lastUsed);
  let left = items.reduce((sum, { size }) => sum + size, 0);
  const wanted = items.filter(({ kind, lastUsed }) => (kinds?.includes(kind) ?? true) && lastUsed < before);
  const removed: CacheItem[] = [];
  const problems: string[] = [];
  let inUse = 0;
  for (let at = 0; at < wanted.length && (keep === 0 || left > keep); at += batchSize) {
    signal?.throwIfAborted();
    const batch = wanted.slice(at, at + batchSize);
    const paths = batch.map(({ dated }) => dated);
    await announced(place.directory, paths, async (since) => {
      for (const item of batch) {
        if (keep > 0 && left <= keep) break;
        const lastUsed = lastUseOf(item);
        if (lastUsed === undefined) continue;
        const isUsed = since !== undefined && (lastUsed >= since || item.kind === 'program');
        // What was used since it was listed is not the least recent any more.
        if (isUsed || lastUsed !== item.lastUsed) {
          inUse += isUsed ? 1 : 0;
          continue;
        }
        try {
          await remove(item);
          removed.push(item);
          left -= item.size;
        } catch (error) {
          problems.push(`${item.id}: ${(error as Error).message}`);
        }
      }
    });
  }
  for (const shelf of place.sandbox ? await openShelves(place.sandbox) : [])
    problems.push(...(await shelf.clear({ signal })));
  clearPrograms(place.directory);
  return { removed, left, inUse, problems };
}

/**
 * Deletes what was used least recently from a cache that has become too large; looks at it every ten minutes at most.
 * @param limit bytes
 */
export async function keepWithin(
  place: CachePlace,
  limit: number,
  options: CallOptions = {},
): Promise<Pruned | undefined> {
  const mark = join(place.directory, 'checked');
  const last = statSync(mark, { throwIfNoEntry: false });
  // A clock that was set back does not keep it from looking.
  if (last !== undefined && Math.abs(Date.now() - last.mtimeMs) < checkedEvery) return undefined;
  await mkdir(place.directory, { recursive: true });
  await writeFile(mark, '');
  // A cache that is new is not too large.
  if (last === undefined) return undefined;
  const items = await cacheItems(place, options);
  const size = items.reduce((sum, item) => sum + item.size, 0);
  if (size <= limit) return undefined;
  return await pruneItems(place, { ...options, keep: Math.max(1, Math.floor(limit * leftOver)) });
}

async function remove({ path, kind, place }: CacheItem): Promise<void> {
  if (place) await place.shelf.takeDown(place.item);
  else if (kind === 'program') renameSync(path, join(path, '..', `.gone-${randomBytes(6).toString('hex')}`));
  else unlinkSync(path);
}

function clearPrograms(directory: string): void {
  const programs = join(directory, 'programs');
  try {
    for (const name of namesBelow(directory, 'programs'))
      if (name.startsWith('.gone-')) rmSync(join(programs, name), { recursive: true, force: true });
  } catch {
    // The next one tries again.
  }
}
