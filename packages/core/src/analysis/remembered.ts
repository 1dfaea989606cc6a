import type { Attached } from '../attached.ts';
import { givenKey, type ScopeOptions } from '../dockerfile/scope.ts';

/** Build arguments decide what a Dockerfile says. */
export interface Given extends Pick<ScopeOptions, 'buildArgs'> {
  /** Every script is read, whatever a rule asks about. @default false */
  readonly thorough?: boolean | undefined;
}

/** What was read of something, with the build arguments it was read with. */
export type Answers<Key extends object, Answer> = Attached<Key, Map<string, Answer>>;

/** Reads once for each thing and its build arguments. */
export function remembered<Key extends object, Answer>(
  answers: Answers<Key, Answer>,
  key: Key,
  { buildArgs }: Given,
  read: () => Answer,
): Answer {
  let own = answers.get(key);
  if (!own) {
    own = new Map<string, Answer>();
    answers.set(key, own);
  }
  const given = givenKey(buildArgs);
  if (!own.has(given)) own.set(given, read());
  return own.get(given) as Answer;
}
