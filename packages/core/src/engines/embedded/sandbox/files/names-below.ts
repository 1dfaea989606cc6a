import { type Dirent, lstatSync, readdirSync } from 'node:fs';

/**
 * What a folder of a cache holds; nothing when the folder or one on the way to it is a link. Whoever deletes from a cache
 * may be root and the cache another user's, who could let a link lead anywhere.
 *
 * @param root the cache, maybe a link itself
 * @param folder below it
 */
export function entriesBelow(root: string, folder: string): readonly Dirent[] {
  let at = root;
  try {
    for (const name of folder.split('/')) {
      at = `${at}/${name}`;
      if (!lstatSync(at).isDirectory()) return [];
    }
    return readdirSync(at, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** The names of {@link entriesBelow}. */
export function namesBelow(root: string, folder: string): readonly string[] {
  return entriesBelow(root, folder).map(({ name }) => name);
}
