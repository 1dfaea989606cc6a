import type { Instruction } from '../../dockerfile/model.ts';

/** How long steps take themselves, without what they wait for others. */
export interface OwnTimes {
  begin(step: Instruction): void;
  /** Leaves the time until `other` is there out of the step's own. */
  waiting<T>(step: Instruction, other: Promise<T>): Promise<T>;
  /** Seconds of its own since a step has begun. */
  secondsOf(step: Instruction): number;
}

interface Clock {
  own: number;
  /** When it was last looked at. */
  seen: number;
  /** How many others it waits for. */
  waits: number;
}

/** @param now milliseconds of a clock that never goes back */
export function ownTimes(now: () => number): OwnTimes {
  const clocks = new Map<Instruction, Clock>();
  const look = (step: Instruction, change = 0): number => {
    const time = now();
    const clock = clocks.get(step) ?? { own: 0, seen: time, waits: 0 };
    if (clock.waits === 0) clock.own += time - clock.seen;
    clock.seen = time;
    clock.waits += change;
    clocks.set(step, clock);
    return clock.own;
  };
  return {
    begin(step) {
      look(step);
    },
    async waiting(step, other) {
      look(step, 1);
      try {
        return await other;
      } finally {
        look(step, -1);
      }
    },
    secondsOf: (step) => look(step) / 1000,
  };
}
