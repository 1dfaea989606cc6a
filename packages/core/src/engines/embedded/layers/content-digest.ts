import { createHash } from 'node:crypto';
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

/** Tells whether a file held something else when it was looked at before than it does now; it is then looked at again. */
export async function hasChanged({ open }: LayerEntry, digest: string | undefined): Promise<boolean> {
  const before = open && (await known.get(open)?.catch(() => undefined));
  if (open === undefined || before === undefined || digest === undefined || before === digest) return false;
  known.delete(open);
  return true;
}

async function hashed(entry: LayerEntry): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of contentOf(entry)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
