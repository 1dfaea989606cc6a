import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { privateApt } from './private-apt.mjs';
import { run, which } from './run.mjs';

/** Debian architectures that the private package lists cover. */
const architectures = ['amd64', 'arm64', 'armhf', 'armel'];

/** Package lists older than this are fetched again, in milliseconds. */
const listsLive = 24 * 60 * 60 * 1000;

/**
 * Tells whether this machine can fetch Debian packages.
 *
 * @returns {Promise<boolean>}
 */
export async function hasApt() {
  return (await which('apt-get')) !== undefined && (await which('dpkg-deb')) !== undefined;
}

/**
 * Fetches a Debian package of any architecture with apt, in private folders: nothing is installed, no foreign
 * architecture is added to the system, and root is not needed.
 *
 * @param {string} name package name, e.g. `busybox-static`
 * @param {string} architecture Debian architecture, e.g. `armhf`
 * @param {{ cache: string }} options `cache`: folder that keeps lists and packages between runs
 * @returns {Promise<string>} path of the .deb file
 */
export async function debFile(name, architecture, { cache }) {
  const files = join(cache, 'files');
  await mkdir(files, { recursive: true });
  const kept = await findDeb(files, name, architecture);
  if (kept !== undefined) return kept;
  await updateLists(cache, false);
  const fetched = await mkdtemp(join(cache, 'fetch-'));
  try {
    const wanted = `${name}:${architecture}`;
    await apt(cache, ['download', wanted], fetched).catch(async () => {
      // The mirror may have moved on since the lists were fetched.
      await updateLists(cache, true);
      await apt(cache, ['download', wanted], fetched);
    });
    const [file] = (await readdir(fetched)).filter((entry) => entry.endsWith('.deb'));
    if (file === undefined) throw new Error(`apt-get download ${wanted} left no package`);
    await rename(join(fetched, file), join(files, file));
    return join(files, file);
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
}

/**
 * Unpacks a Debian package of any architecture and gives the folder; the same folder again later.
 *
 * @param {string} name package name
 * @param {string} architecture Debian architecture; `all` packages are found under any
 * @param {{ cache: string }} options
 * @returns {Promise<string>}
 */
export async function debTree(name, architecture, { cache }) {
  const tree = join(cache, 'trees', `${name}_${architecture}`);
  if (await exists(tree)) return tree;
  const file = await debFile(name, architecture, { cache });
  await mkdir(join(cache, 'trees'), { recursive: true });
  const fresh = await mkdtemp(join(cache, 'trees', 'new-'));
  try {
    await run('dpkg-deb', ['-x', file, fresh]);
    await rename(fresh, tree);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another process unpacked the same package first.
    if (!(await exists(tree))) throw error;
  }
  return tree;
}

async function findDeb(files, name, architecture) {
  const all = (await readdir(files)).sort();
  const found = all.filter((file) => file.startsWith(`${name}_`) && /_(?:[^_]+)\.deb$/.test(file));
  const own =
    found.find((file) => file.endsWith(`_${architecture}.deb`)) ??
    found.find((file) => file.endsWith('_all.deb'));
  return own === undefined ? undefined : join(files, own);
}

async function updateLists(cache, force) {
  const stamp = join(cache, 'lists.stamp');
  if (!force) {
    const made = await stat(stamp).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs < listsLive) return;
  }
  // A third party's source without our architectures makes `update` fail; `download` is the judge.
  await apt(cache, ['update'], cache).catch(() => undefined);
  await writeFile(stamp, '');
  await utimes(stamp, new Date(), new Date());
}

async function apt(cache, args, cwd) {
  const settings = { 'APT::Architectures': architectures.join(',') };
  const command = await privateApt(join(cache, 'apt'), args, settings);
  // One apt at a time in these folders, also from other processes.
  await run('flock', [join(cache, 'lock'), ...command], { cwd, env: { LC_ALL: 'C' } });
}

async function exists(path) {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
