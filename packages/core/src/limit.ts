import pLimit from 'p-limit';

/** Starts work when its turn comes. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** Lets at most so many pieces of work run at a time, first come first served. */
export function createLimit(most: number): Limit {
  return pLimit(most);
}
