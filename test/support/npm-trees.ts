import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../.cache/npm-trees', import.meta.url));

/** A folder with the files of an npm package, fetched with `npm pack` and kept; `undefined` when it cannot be fetched. */
export async function npmTree(name: string, version: string): Promise<string | undefined> {
  const tree = join(cache, `${name.replaceAll('/', '+')}@${version}`);
  if (await exists(tree)) {
    return join(tree, 'package');
  }
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(join(cache, 'new-'));
  try {
    await run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', fresh], {
      timeout: 180_000,
    });
    const [archive] = await readdir(fresh);
    await run('tar', ['-C', fresh, '-xzf', join(fresh, archive ?? '')]);
    await rm(join(fresh, archive ?? ''));
    await rename(fresh, tree);
    return join(tree, 'package');
  } catch {
    await rm(fresh, { recursive: true, force: true });
    return (await exists(tree)) ? join(tree, 'package') : undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
