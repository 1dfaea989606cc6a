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

/** What somebody else made of a tag while we wrote it, unseen by our write. */
export interface Overwritten {
  /** What both of us found. */
  readonly before: ImageSource | undefined;
  readonly after: ImageSource;
}

/**
 * What a tag shall point at, seen what it points at, and what our own writes may have overwritten, to be put back; asked
 * again whenever another writer came first.
 *
 * It gives the same for what already is as it shall be.
 */
export type ChangeTag = (
  now: ImageSource | undefined,
  overwritten: readonly Overwritten[],
) => Promise<ImageSource>;

const defaultSettle = 1000;
const looks = 4;
const mostRounds = 40;

/**
 * Changes what a tag points at so that no other process's change is lost, and none of ours without a word.
 *
 * Registries have no transactions. Where one honours If-Match, a write on an outdated look is refused, and the change is
 * made anew on what is there. Elsewhere, as in docker-registry, two writers who looked at the same index overwrite each
 * other: the window between look and write is one round trip, since everything but the tag is written before, but it is
 * never nothing. So each writer watches its tag, a window being the time in which a writer looks away:
 *
 * - After the write the tag must stand still, with our entries in it, for longer than a window. Whoever writes later has
 *   then looked while it stood still, has seen our entries, and keeps them; and so does everybody who comes after. When the
 *   tag changes, the time begins anew: two writers may undo each other in turn, and one look falls on a lucky moment. When
 *   our entries are gone, we add them to what is there.
 * - During the write, for it may be held up on its way while others come, are content and leave, we look from time to time.
 *   What they wrote is then still to be found by its digest, and is put back. So a window is never longer than the time
 *   between two looks, however slow a write is.
 * - The time to stand still is `settle`, four times that between two looks; or three times our own longest window, when
 *   this process or its network was held up altogether. That is told, since others may have stopped watching before.
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
  const settle = options.settle ?? defaultSettle;
  const overwritten: Overwritten[] = [];
  let blind = 0;
  let now = await target.read();
  for (let round = 0; round < mostRounds; round += 1) {
    const before = now;
    const wanted = await changed(target, change, now, overwritten, round > 0);
    let alone = true;
    if (now?.root.digest === wanted.root.digest) {
      if (round === 0) return wanted;
    } else {
      const write = await target.write(wanted, now?.root ?? 'absent', settle / looks);
      overwritten.push(...write.others.map((after) => ({ before, after })));
      blind = Math.max(blind, write.blind);
      if (write.blind > settle) options.onSlowWrite?.(write.blind);
      alone = write.written && write.others.length === 0;
    }
    if (alone) {
      if (!target.shared) return wanted;
      const still = (seen: ImageSource) => changed(target, change, seen, overwritten, true);
      const kept = await watched(target, wanted, Math.max(settle, 3 * blind), still, options);
      if (kept) return kept;
    }
    // Who is thrown back at the same time does not come back at the same time.
    await pause(Math.random() * Math.min(settle, 50 * 2 ** round), options);
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
  overwritten: readonly Overwritten[],
  again: boolean,
): Promise<ImageSource> {
  try {
    return await change(now, overwritten);
  } catch (error) {
    if (!again || !isMabuildError(error) || /^REGISTRY_/.test(error.code)) throw error;
    throw new MabuildError(
      `${target.name} was written by somebody else meanwhile, and does not go together with this: ${error.message}`,
      { code: 'REGISTRY_TAG_MOVED', hint: 'look at what is there now, and run it again', cause: error },
    );
  }
}

/** @returns what the tag points at, when it stood still for the time with our change in it */
async function watched(
  target: IndexTarget,
  wanted: ImageSource,
  time: number,
  change: (now: ImageSource) => Promise<ImageSource>,
  options: EditTagOptions,
): Promise<ImageSource | undefined> {
  let held = wanted;
  let changes = 0;
  for (let look = 0; look < looks; look += 1) {
    await pause(time / looks, options);
    const now = await target.read();
    if (now?.root.digest === held.root.digest) continue;
    changes += 1;
    if (!now || changes > mostRounds || (await change(now)).root.digest !== now.root.digest) return undefined;
    held = now;
    look = -1;
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
  const settle = options.settle ?? defaultSettle;
  const { written, others, blind } = await target.write(wanted, seen ?? 'absent', settle / looks);
  if (blind > settle) options.onSlowWrite?.(blind);
  if (!written || others.length > 0) throw replaced(target, wanted, await target.read());
  if (!target.shared) return wanted.root;
  for (let look = 0; look < looks; look += 1) {
    await pause(Math.max(settle, 3 * blind) / looks, options);
    const now = await target.read();
    if (now?.root.digest !== wanted.root.digest) throw replaced(target, wanted, now);
  }
  return wanted.root;
}

function replaced(target: IndexTarget, wanted: ImageSource, now: ImageSource | undefined): MabuildError {
  const ours = wanted.root.digest;
  const there = now?.root.digest ?? 'nothing';
  const what =
    there === ours
      ? `ours, ${ours}, took the place of theirs`
      : `it points at ${there}, not at ours, ${ours}`;
  return new MabuildError(`${target.name} was written by somebody else at the same time: ${what}`, {
    code: 'REGISTRY_TAG_MOVED',
    hint: 'run it again if yours should win; `mabuild index add` adds instead',
  });
}

async function pause(milliseconds: number, { signal }: CallOptions): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
