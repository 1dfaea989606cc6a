import { isMabuildError, type Platform, parsePlatform } from '@mabuild/oci';
import { serves } from '../knowledge/serves.ts';

/** A platform as it is written; `undefined` for what is none. */
export function readPlatform(text: string): Platform | undefined {
  try {
    return parsePlatform(text.trim());
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}

/** The asked platforms that a list of platforms leaves out; none when the list cannot be read. */
export function leftOut(listed: readonly string[], asked: readonly Platform[]): readonly Platform[] {
  const platforms = listed.map(readPlatform);
  if (platforms.length === 0 || platforms.includes(undefined)) return [];
  return asked.filter((wanted) => !platforms.some((other) => other !== undefined && serves(other, wanted)));
}
