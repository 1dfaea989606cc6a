import { formatPlatform, normalizePlatform, type Platform } from '@mabuild/oci';
import { platformOfArchitecture } from './namespaces.ts';
import { officialImageTable, type PackedTable } from './official-images.data.ts';
import { unpackTable } from './unpack-table.ts';

type TagsBySet = Readonly<Record<string, string>>;

interface Table {
  readonly sets: readonly string[];
  readonly current: Readonly<Record<string, TagsBySet>>;
  readonly retired: Readonly<Record<string, TagsBySet>>;
}

const unpacked = new WeakMap<PackedTable, Table>();

function table(): Table {
  let found = unpacked.get(officialImageTable);
  if (!found) {
    found = unpackTable(officialImageTable) as Table;
    unpacked.set(officialImageTable, found);
  }
  return found;
}

/**
 * The platforms that a tag of a Docker official image declares, without asking a registry.
 *
 * Declared is not pushed, and the table ages: a registry's answer beats it.
 * @param repository without `library/`, e.g. `node`
 * @returns `undefined` for an image or tag that the table does not know
 */
export function officialImagePlatforms(repository: string, tag: string): readonly Platform[] | undefined {
  const set = setsOf(repository).get(tag);
  return set === undefined ? undefined : platformsOfSet(set);
}

const setsByTag = new WeakMap<Table, Map<string, ReadonlyMap<string, string>>>();

/** The set of every tag of an image; what is listed today comes before what is not. */
function setsOf(repository: string): ReadonlyMap<string, string> {
  const all = table();
  const images = setsByTag.get(all) ?? new Map<string, ReadonlyMap<string, string>>();
  setsByTag.set(all, images);
  const known = images.get(repository);
  if (known) return known;
  const tags = new Map<string, string>();
  for (const listed of [all.retired, all.current]) {
    if (!Object.hasOwn(listed, repository)) continue;
    for (const [set, names] of Object.entries(listed[repository] as TagsBySet))
      for (const name of names.split(' ')) tags.set(name, all.sets[Number(set)] ?? '');
  }
  images.set(repository, tags);
  return tags;
}

/** Tells whether Docker's official images have, or had, one of this name. */
export function isOfficialImage(repository: string): boolean {
  const { current, retired } = table();
  return Object.hasOwn(current, repository) || Object.hasOwn(retired, repository);
}

/** The tags of an official image that are listed today and declare the platform. */
export function officialTagsWith(repository: string, platform: Platform): readonly string[] {
  const { sets, current } = table();
  const wanted = formatPlatform(normalizePlatform(platform));
  const bySet = Object.hasOwn(current, repository) ? (current[repository] as TagsBySet) : {};
  return Object.entries(bySet).flatMap(([set, tags]) =>
    platformsOfSet(sets[Number(set)] ?? '').some((has) => formatPlatform(has) === wanted)
      ? tags.split(' ')
      : [],
  );
}

const platformsBySet = new WeakMap<Table, Map<string, readonly Platform[]>>();

/** Few sets are those of thousands of tags. */
function platformsOfSet(set: string): readonly Platform[] {
  const all = table();
  const sets = platformsBySet.get(all) ?? new Map<string, readonly Platform[]>();
  platformsBySet.set(all, sets);
  const platforms = sets.get(set) ?? set.split(' ').flatMap((name) => platformOfArchitecture(name) ?? []);
  sets.set(set, platforms);
  return platforms;
}
