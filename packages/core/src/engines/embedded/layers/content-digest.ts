import { createHash, hash as hashOf } from 'node:crypto';
import { contentOf, type LayerEntry } from './entry.ts';

/** Digests of files by what opens them: several instructions take the same files, for several platforms. */
const known = new WeakMap<NonNullable<LayerEntry['open']>, Promise<string>>();

/** The digest of a file's content, which is read for it once. */
export async function contentDigest(entry: LayerEntry): Promise<string> {
  const { open } = entry;
  const found = open && known.get(open);
  if (found) return await found;
  const digest = hashed(entry);
  if (open) {
    known.set(open, digest);
    // A file that changed while it was read may be read again.
    digest.catch(() => known.delete(open));
  }
  return await digest;
}

/** Files that are written to while they are read; others that took one may not have seen it. */
const changing = new WeakSet<NonNullable<LayerEntry['open']>>();

/** Tells whether a file held something else when it was looked at before than it does now, or did so once; it is then looked at again. */
export async function hasChanged({ open }: LayerEntry, digest: string | undefined): Promise<boolean> {
  const before = open && (await known.get(open)?.catch(() => undefined));
  if (open === undefined || digest === undefined) return false;
  if (before !== undefined && before !== digest) {
    known.delete(open);
    changing.add(open);
  }
  return changing.has(open);
}

async function hashed(entry: LayerEntry): Promise<string> {
  // What is small is hashed in a fraction of the time that pieces of it would take.
  if (entry.read) return `sha256:${hashOf('sha256', entry.read())}`;
  const hash = createHash('sha256');
  for await (const chunk of contentOf(entry)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
