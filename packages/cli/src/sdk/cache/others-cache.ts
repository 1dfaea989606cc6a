import { stat } from 'node:fs/promises';
import type { Environment } from '../environment.ts';
import { thisUser } from '../user.ts';

/** Says who else writes to the cache, and so decides what steps are taken to have made; `undefined` when nobody does. */
export async function othersCache({
  cacheDirectory,
}: Pick<Environment, 'cacheDirectory'>): Promise<string | undefined> {
  const { uid: own } = thisUser();
  const found = own < 0 ? undefined : await stat(cacheDirectory).catch(() => undefined);
  const who = found === undefined ? undefined : othersOf(found, own);
  if (who === undefined) return undefined;
  return `the cache in ${cacheDirectory} can be written to by ${who}, who can say there what steps made: name a folder of your own in MABUILD_CACHE, unless you trust them`;
}

function othersOf(
  { uid, mode }: { readonly uid: number; readonly mode: number },
  own: number,
): string | undefined {
  if ((mode & 0o002) !== 0) return 'everybody';
  return uid === own || uid === 0 ? undefined : `user ${uid}`;
}
