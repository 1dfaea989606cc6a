import { resolve } from 'node:path';
import { isFile } from '../is-there.ts';
import type { CheckHow, CheckWorld } from './check-file.ts';
import { type CheckedServices, checkServices, type NamedServices } from './check-services.ts';
import type { FoundFile } from './find-files.ts';

/** Checks the compose and bake files among those found, and the Compose files that they take services from; each once. */
export async function followServices(
  found: readonly FoundFile[],
  how: CheckHow,
  world: CheckWorld,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly CheckedServices[]> {
  const placeOf = ({ path }: NamedServices): string => resolve(how.directory, path);
  const waiting: NamedServices[] = found.filter(({ kind }) => kind === 'compose' || kind === 'bake');
  const asked = new Map(waiting.map((file) => [placeOf(file), file]));
  const checked = new Map<string, CheckedServices>();
  for (const file of waiting) {
    const place = placeOf(file);
    // More was asked of it while it waited.
    if (asked.get(place) !== file) continue;
    const result = await checkServices(file, how, world, environment);
    checked.set(place, result);
    for (const other of result.files) {
      const known = asked.get(placeOf(other));
      const both = known ? together(known, other) : other;
      if (both === known || (!known && !(await isFile(placeOf(other))))) continue;
      asked.set(placeOf(other), both);
      waiting.push(both);
    }
  }
  return [...checked.values()];
}

/** All that two ask of one file; the first itself when the other asks no more. */
function together(one: NamedServices, other: NamedServices): NamedServices {
  if (one.services === undefined) return one;
  if (other.services === undefined) return { ...one, services: undefined };
  const services = new Map(one.services);
  for (const [name, given] of other.services) {
    const before = services.get(name);
    services.set(name, before ? before.filter((key) => given.includes(key)) : given);
  }
  const isSame = [...services].every(([name, given]) => one.services?.get(name)?.length === given.length);
  return isSame ? one : { ...one, services };
}
