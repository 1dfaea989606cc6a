import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type ProgramPlace, runBatch } from '../calls/batch.ts';
import { hasMark, notedMark } from './process-mark.ts';

/**
 * Ends every process that an ended job left, until there is none: where there is no namespace, they do not end together.
 *
 * @param work the job's folder, which its command's root is in
 */
export function endLeft(work: string, place: ProgramPlace): void {
  const mark = notedMark(work);
  const isLeft = (pid: string): boolean =>
    rootOfProcess(pid) === `${work}/root` || (mark !== undefined && hasMark(pid, mark));
  for (let round = 0; round < 100; round += 1) {
    const found = processes().filter((pid) => isLeft(pid) && !relations(pid).ended);
    if (found.length === 0) return;
    end(found, place);
  }
}

/**
 * Ends every process below this one, until there is none. A process of another user does not show its root to a root that
 * may not use `ptrace`, as in a container; what lost its parent is this one's, which adopts them.
 */
export function endStarted(place: ProgramPlace): void {
  const own = readlinkSync('/proc/self');
  for (let round = 0; round < 100; round += 1) {
    const living = processes().map((process) => ({ process, ...relations(process) }));
    const below = new Set([own]);
    for (let size = 0; size < below.size; ) {
      size = below.size;
      for (const { process, parent } of living) if (below.has(parent)) below.add(process);
    }
    const found = living.filter(({ process, ended }) => process !== own && !ended && below.has(process));
    if (found.length === 0) return;
    end(
      found.map(({ process }) => process),
      place,
    );
  }
}

/** Ends every process that is watched by a child of this one. */
export function endWatched(pid: number, place: ProgramPlace): void {
  const found = processes().map((process) => ({ process, ...relations(process) }));
  const watchers = new Set(found.filter(({ parent }) => parent === `${pid}`).map(({ process }) => process));
  const watched = found.filter(({ watcher }) => watchers.has(watcher));
  if (watched.length > 0)
    end(
      watched.map(({ process }) => process),
      place,
    );
}

/** The only process that is so many steps below another; `undefined` while there is none. */
export function descendant(pid: number, generations: number): string | undefined {
  const found = processes().map((process) => ({ process, ...relations(process) }));
  let at: string | undefined = `${pid}`;
  for (let step = 0; step < generations; step += 1) at = found.find(({ parent }) => parent === at)?.process;
  return at;
}

function processes(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function end(pids: readonly string[], place: ProgramPlace): void {
  runBatch(
    place,
    pids.map((pid) => ({ name: 'kill', arguments: [Number(pid), 9] })),
  );
}

/** Numbers of the process that started or adopted it, and of the one that watches it with `ptrace`. */
function relations(pid: string): {
  readonly parent: string;
  readonly watcher: string;
  readonly ended: boolean;
} {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    const field = (name: string): string => new RegExp(`^${name}:\\t(\\d+)$`, 'm').exec(text)?.[1] ?? '';
    return { parent: field('PPid'), watcher: field('TracerPid'), ended: /^State:\t[ZX]/m.test(text) };
  } catch {
    return { parent: '', watcher: '', ended: true };
  }
}

function rootOfProcess(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return undefined;
  }
}
