import { type ProgramPlace, runBatch } from '../calls/batch.ts';
import type { Step } from '../calls/syscall-program.ts';
import { descendant } from './end-processes.ts';

/** How often a command that has not started yet is looked for, milliseconds. */
const interval = 20;

/** Where a command is found: so many forks below the program that starts it. */
export interface CommandPlace {
  readonly starter: number | undefined;
  readonly forks: number;
}

export function forksIn(steps: readonly Step[]): number {
  return steps.filter(({ kind }) => kind === 'fork').length;
}

/**
 * Gives a command a signal, when it is told to stop or as soon as it is there after that; what it started gets none, as in a
 * container of Docker's.
 * @returns ends the looking
 */
export function passSignal(
  stop: AbortSignal,
  { starter, forks }: CommandPlace,
  place: ProgramPlace,
): () => void {
  let looking: NodeJS.Timeout | undefined;
  const look = (): void => {
    const command = starter === undefined ? undefined : descendant(starter, forks);
    if (command === undefined) return;
    clearInterval(looking);
    runBatch(place, [{ name: 'kill', arguments: [Number(command), Number(stop.reason)] }]);
  };
  const begin = (): void => {
    looking = setInterval(look, interval);
  };
  stop.addEventListener('abort', begin, { once: true });
  if (stop.aborted) begin();
  return () => {
    stop.removeEventListener('abort', begin);
    clearInterval(looking);
  };
}
