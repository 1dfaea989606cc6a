import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Everything about a cache that a killed build must not have left: each problem in words. */
export function cacheProblems(cache: string): readonly string[] {
  const problems: string[] = [];
  const blobs = join(cache, 'content/blobs/sha256');
  for (const name of namesIn(blobs)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const digest = createHash('sha256')
      .update(readFileSync(join(blobs, name)))
      .digest('hex');
    if (digest !== name) problems.push(`blob ${name} holds ${digest}`);
  }
  for (const kind of ['run', 'step-layer'])
    for (const name of namesIn(join(cache, 'memory', kind))) {
      if (!name.endsWith('.json')) continue;
      const { value } = JSON.parse(readFileSync(join(cache, 'memory', kind, name), 'utf8'));
      const layer = kind === 'run' ? value.layer : value;
      if (layer === null) continue;
      const file = join(blobs, layer.digest.replace('sha256:', ''));
      const size = statSync(file, { throwIfNoEntry: false })?.size;
      if (size !== layer.size)
        problems.push(`${kind} ${name} needs ${layer.digest}, which has ${size} bytes`);
    }
  return problems;
}

/** What unfinished work lies in a cache: temporary files, working folders, programs of helpers. */
export function unfinishedIn(cache: string): readonly string[] {
  const found = [
    join(cache, 'content/blobs/sha256'),
    ...namesIn(join(cache, 'memory')).map((name) => join(cache, 'memory', name)),
    join(cache, 'manifests'),
  ].flatMap((folder) =>
    namesIn(folder).flatMap((name) => (name.startsWith('.') ? [join(folder, name)] : [])),
  );
  const sandboxes = namesIn(join(cache, 'sandbox')).map((name) => join(cache, 'sandbox', name));
  for (const folder of sandboxes) {
    found.push(...namesIn(join(folder, 'work')).map((name) => join(folder, 'work', name)));
    found.push(...namesIn(folder).flatMap((name) => (name.startsWith('enter-') ? [join(folder, name)] : [])));
  }
  found.push(...namesIn(join(cache, 'leases')).map((name) => join(cache, 'leases', name)));
  return found;
}

/** Every file of the layers that sandboxes unpacked: path to type, mode, owner, size and time. */
export function shelvesOf(cache: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const list = (folder: string, name: string): void => {
    for (const item of namesIn(join(folder, name))) {
      const path = `${name}/${item}`;
      const { mode, uid, gid, size, mtimeMs, rdev } = lstatSync(join(folder, path));
      const isFolder = (mode & 0o170000) === 0o040000;
      const facts = [mode.toString(8), uid, gid, isFolder ? '' : size, rdev];
      // The folder of a layer itself is dated whenever it is used; a mark of what is gone has no time.
      const isDated = name.includes('/fs') && (mode & 0o170000) !== 0o020000;
      found.set(path, [...facts, isDated ? mtimeMs : ''].join(' '));
      if (isFolder) list(folder, path);
    }
  };
  for (const kind of namesIn(join(cache, 'sandbox'))) list(join(cache, 'sandbox', kind), 'layers');
  return found;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
