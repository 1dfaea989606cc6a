import type { ChildProcess } from 'node:child_process';
import type { HelperSite } from './helper-site.ts';

/** Helpers that no job has come for yet, by the command that they are started with, and then by the rest of their site. */
const early = new WeakMap<readonly string[], Map<string, Promise<ChildProcess | undefined>[]>>();

/** How long one waits for its first job. */
const patience = 10_000;

/** Keeps a helper that is being started for a job that will come; this process does not wait for it. */
export function keepEarly(site: HelperSite, starting: Promise<ChildProcess>): void {
  const waiting = waitingFor(site);
  const kept = starting.then(
    (child) => {
      hold(child, false);
      return child;
    },
    // The job will find out why.
    () => undefined,
  );
  waiting.push(kept);
  void kept.then((child) => {
    setTimeout(() => {
      const at = waiting.indexOf(kept);
      if (at < 0) return;
      waiting.splice(at, 1);
      if (child) endUnused(child);
    }, patience).unref();
  });
}

/** A helper that was started early; nothing where there is none, or it has ended. */
export async function takeEarly(
  site: HelperSite,
  signal: AbortSignal | undefined,
): Promise<ChildProcess | undefined> {
  const child = await waitingFor(site).shift();
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return undefined;
  if (signal?.aborted) {
    endUnused(child);
    return undefined;
  }
  hold(child, true);
  return child;
}

function waitingFor({ command, ...rest }: HelperSite): Promise<ChildProcess | undefined>[] {
  const sites = early.get(command) ?? new Map<string, Promise<ChildProcess | undefined>[]>();
  early.set(command, sites);
  const key = JSON.stringify(rest);
  const waiting = sites.get(key) ?? [];
  sites.set(key, waiting);
  return waiting;
}

/** Says whether this process runs on while the helper does. */
function hold(child: ChildProcess, holds: boolean): void {
  const handles = [child, ...child.stdio] as readonly ({ ref?(): unknown; unref?(): unknown } | null)[];
  for (const handle of handles) holds ? handle?.ref?.() : handle?.unref?.();
}

/** A helper ends when its input does. */
function endUnused(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy();
}
