import type { Attached } from '../attached.ts';
import type { ScopeOptions } from '../dockerfile/scope.ts';

/** Build arguments decide what a Dockerfile says. */
export type Given = Pick<ScopeOptions, 'buildArgs'>;

/** What was read of something, with the build arguments it was read with. */
export type Answers<Key extends object, Answer> = Attached<Key, Map<string, Answer>>;

/** Reads once for each thing and its build arguments. */
export function remembered<Key extends object, Answer>(
  answers: Answers<Key, Answer>,
  key: Key,
  { buildArgs = {} }: Given,
  read: () => Answer,
): Answer {
  const own = answers.get(key) ?? new Map<string, Answer>();
  answers.set(key, own);
  const given = JSON.stringify(buildArgs);
  if (!own.has(given)) own.set(given, read());
  return own.get(given) as Answer;
}
