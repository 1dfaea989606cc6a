import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallOptions,
  type Descriptor,
  type ImageSource,
  isMabuildError,
  MabuildError,
} from '@mabuild/oci';
import type { IndexTarget } from './index-target.ts';

export interface EditTagOptions extends CallOptions {
  /** Milliseconds that a written tag is watched. @default 1000 */
  readonly settle?: number | undefined;
  /** Told when a write took so long that what another process wrote meanwhile may be gone. */
  readonly onSlowWrite?: ((milliseconds: number) => void) | undefined;
}

/**
 * What a tag shall point at, seen what it points at; asked again whenever another writer came first.
 *
 * It gives the same for what already is as it shall be.
 */
export type ChangeTag = (now: ImageSource | undefined) => Promise<ImageSource>;

const defaultSettle = 1000;
const looks = 4;
const mostRounds = 40;

/**
 * Changes what a tag points at so that no other process's change is lost, and none of ours without a word.
 *
 * Registries have no transactions. Where one honours If-Match, a write on an outdated look is refused, and the change is
 * made anew on what is there. Elsewhere, as in docker-registry, two writers who looked at the same index overwrite each
 * other: the window between look and write is one round trip, since everything but the tag is written before, but it is
 * never nothing. So each writer watches its tag after the write:
 *
 * - Whoever overwrites us unseen looked before our write, and so writes at most one window after it. When we look later
 *   than that and our entries are there, every write to come is made by somebody who looked after ours, and keeps it.
 *   When they are gone, we add them to what is there, and watch again.
 * - Two writers may undo each other in turn, so that one look could fall on a lucky moment: there are several, spread over
 *   the whole time, and every one must find our entries.
 * - We know our own window only. The time to watch is three times that, and never less than `settle`, which is many round
 *   trips: a process whose window was longer than `settle` watches longer itself, and says so, since others may have
 *   stopped watching.
 *
 * A tag that another writer gave something else for the same platform is not fought over.
 * @returns what the tag points at in the end
 * @throws MabuildError `REGISTRY_TAG_MOVED` when other writers never leave room, or want the same platform; what `change`
 *   throws when it is asked first
 */
export async function editTag(
  target: IndexTarget,
  change: ChangeTag,
  options: EditTagOptions = {},
): Promise<ImageSource> {
  let now = await target.read();
  for (let round = 0; round < mostRounds; round += 1) {
    const wanted = await changed(target, change, now, round > 0);
    if (now?.root.digest === wanted.root.digest && round === 0) return wanted;
    const window = await written(target, wanted, now);
    if (window !== undefined) {
      if (!target.shared) return wanted;
      const kept = await watched(target, wanted, timeToWatch(window, options), change, options);
      if (kept) return kept;
    }
    // Who is thrown back at the same time does not come back at the same time.
    await pause(Math.random() * Math.min(options.settle ?? defaultSettle, 50 * 2 ** round), options);
    now = await target.read();
  }
  throw new MabuildError(`${target.name} was changed by others ${mostRounds} times while it was written`, {
    code: 'REGISTRY_TAG_MOVED',
    hint: 'run it again when the other jobs are done',
  });
}

/** Asks for the change; what stands against it later came from another writer. */
async function changed(
  target: IndexTarget,
  change: ChangeTag,
  now: ImageSource | undefined,
  again: boolean,
): Promise<ImageSource> {
  try {
    return await change(now);
  } catch (error) {
    if (!again || !isMabuildError(error) || /^REGISTRY_/.test(error.code)) throw error;
    throw new MabuildError(
      `${target.name} was written by somebody else meanwhile, and does not go together with this: ${error.message}`,
      { code: 'REGISTRY_TAG_MOVED', hint: 'look at what is there now, and run it again', cause: error },
    );
  }
}

/** @returns the window in milliseconds; `undefined` when another writer came first */
async function written(
  target: IndexTarget,
  wanted: ImageSource,
  now: ImageSource | undefined,
): Promise<number | undefined> {
  if (now?.root.digest === wanted.root.digest) return 0;
  try {
    return await target.write(wanted, now?.root ?? 'absent');
  } catch (error) {
    if (isMabuildError(error) && error.code === 'REGISTRY_TAG_MOVED') return undefined;
    throw error;
  }
}

/** @returns what the tag points at, when our change stayed in it all the time */
async function watched(
  target: IndexTarget,
  wanted: ImageSource,
  time: number,
  change: ChangeTag,
  options: EditTagOptions,
): Promise<ImageSource | undefined> {
  let held = wanted;
  for (let look = 0; look < looks; look += 1) {
    await pause(time / looks, options);
    const now = await target.read();
    if (now?.root.digest === held.root.digest) continue;
    if (!now || (await changed(target, change, now, true)).root.digest !== now.root.digest) return undefined;
    held = now;
  }
  return held;
}

/**
 * Makes a tag point at something in place of what it was seen to point at.
 * @param seen what it pointed at when the work began; `undefined`: nothing
 * @throws MabuildError `REGISTRY_TAG_MOVED` when another writer came between, or right after
 */
export async function replaceTag(
  target: IndexTarget,
  wanted: ImageSource,
  seen: Descriptor | undefined,
  options: EditTagOptions = {},
): Promise<Descriptor> {
  if (seen?.digest === wanted.root.digest) return wanted.root;
  const window = await target.write(wanted, seen ?? 'absent');
  if (!target.shared) return wanted.root;
  const time = timeToWatch(window, options);
  for (let look = 0; look < looks; look += 1) {
    await pause(time / looks, options);
    const now = await target.read();
    if (now?.root.digest === wanted.root.digest) continue;
    throw new MabuildError(
      `${target.name} was written by somebody else at the same time: as ${wanted.root.digest} by us, as ${now?.root.digest ?? 'nothing'} by them`,
      {
        code: 'REGISTRY_TAG_MOVED',
        hint: 'run it again if yours should win; `mabuild index add` adds instead',
      },
    );
  }
  return wanted.root;
}

function timeToWatch(
  window: number,
  { settle = defaultSettle, onSlowWrite }: Pick<EditTagOptions, 'settle' | 'onSlowWrite'>,
): number {
  if (window > settle) onSlowWrite?.(window);
  return Math.max(settle, 3 * window);
}

async function pause(milliseconds: number, { signal }: CallOptions): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
