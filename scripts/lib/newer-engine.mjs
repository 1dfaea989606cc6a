import { access, mkdir, mkdtemp, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianMirror } from './debian-mirror.mjs';
import { engineAnswers } from './engine-answers.mjs';
import { privateApt } from './private-apt.mjs';
import { startProcess } from './process.mjs';
import { run } from './run.mjs';

/**
 * A folder with Docker Engine of another Debian release, its buildx and all that they need, unpacked; the same folder
 * again later. Nothing is installed.
 *
 * @param {string} suite `trixie` has 26.1, `forky` 28.5
 * @param {{ cache: string, log?: (line: string) => void }} options `cache`: folder that keeps it between runs
 * @returns {Promise<string>} a root folder of which only `usr` is meant to be used
 */
export async function newerEngineRoot(suite, { cache, log = () => {} }) {
  if (!/^[a-z]+$/.test(suite)) throw new Error(`${suite} is no name of a Debian release`);
  const folder = join(cache, 'engines');
  const root = join(folder, `${suite}-buildx`);
  if (await exists(join(root, 'usr/sbin/dockerd'))) return root;
  log(`fetching Docker Engine of Debian ${suite}`);
  await mkdir(folder, { recursive: true });
  const fresh = await mkdtemp(join(folder, 'new-'));
  try {
    const unpacked = join(fresh, 'root');
    await mkdir(unpacked);
    for (const file of await fetchPackages(suite, fresh)) {
      await run('sh', [
        '-c',
        'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
        'sh',
        file,
        unpacked,
      ]);
    }
    await rename(unpacked, root);
    return root;
  } catch (error) {
    // Another process was first.
    if (await exists(join(root, 'usr/sbin/dockerd'))) return root;
    throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * Starts a Docker Engine of another Debian release beside the machine's own: it sees this machine with that release's
 * /usr in place of ours, in a mount namespace of its own. No bridge, no firewall rules, private folders. Needs root.
 *
 * @param {string} name for messages, and its folder in `dir`
 * @param {{ root: string, dir: string, store: 'graphdriver' | 'containerd', mirror?: string }} options `root`: see
 *   `newerEngineRoot`; `mirror`: URL that stands in for docker.io
 * @returns {Promise<{ host: string, log: string, stop(): Promise<void> }>} `log` is a file
 */
export async function startNewerEngine(name, { root, dir, store, mirror }) {
  // Elsewhere programs lie outside of /usr too, and the release's own would not be found.
  const merged = await readlink('/bin').catch(() => undefined);
  if (merged !== 'usr/bin') throw new Error('this machine keeps /bin apart from /usr/bin');
  const own = join(dir, name);
  await mkdir(own, { recursive: true });
  const config = join(own, 'daemon.json');
  await writeFile(config, JSON.stringify({ features: { 'containerd-snapshotter': store === 'containerd' } }));
  const socket = join(own, 'docker.sock');
  const log = join(own, 'dockerd.log');
  const [program, ...args] = commandInRoot(root, [
    ...['/usr/sbin/dockerd', '--config-file', config],
    ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
    ...['--data-root', join(own, 'data'), '--exec-root', join(own, 'exec')],
    ...['--pidfile', join(own, 'dockerd.pid'), '-H', `unix://${socket}`, '--shutdown-timeout', '2'],
    ...(mirror === undefined ? [] : ['--registry-mirror', mirror]),
  ]);
  const engine = await startProcess(
    name,
    program,
    args,
    // As Docker 29 has it, which no Debian release has yet: no older API is spoken.
    { log, env: { DOCKER_CONFIG: own, DOCKER_MIN_API_VERSION: '1.44' } },
  );
  try {
    await engine.ready(() => engineAnswers(socket));
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return { host: `unix://${socket}`, log, stop: () => engine.stop() };
}

/**
 * The command line that runs a program of another Debian release's /usr on this machine. Needs root.
 *
 * @param {string} root see `newerEngineRoot`
 * @param {readonly string[]} command
 */
export function commandInRoot(root, command) {
  const script = 'mount --bind "$1/usr" /usr && shift && exec "$@"';
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', root, ...command];
}

/** Fetches docker.io and everything that it depends on with apt, in private folders. */
async function fetchPackages(suite, dir) {
  const state = join(dir, 'apt');
  const archives = join(state, 'archives');
  await mkdir(state, { recursive: true });
  const sources = join(state, 'sources.list');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await writeFile(sources, `deb [signed-by=${keyring}] ${await debianMirror()} ${suite} main\n`);
  const settings = {
    'APT::Install-Recommends': 'false',
    // A mirror that stands still serves lists that have expired.
    'Acquire::Check-Valid-Until': 'false',
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': join(state, 'none'),
    'Dir::Etc::preferences': join(state, 'none'),
    'Dir::Etc::preferencesparts': join(state, 'none'),
  };
  const apt = async (...args) => {
    const [program, ...rest] = await privateApt(state, ['-y', ...args], settings);
    await run(program, rest, { env: { LC_ALL: 'C' } });
  };
  await apt('update');
  await apt('--download-only', 'install', 'docker.io', 'docker-buildx', 'ca-certificates');
  const files = (await readdir(archives)).filter((file) => file.endsWith('.deb')).sort();
  return files.map((file) => join(archives, file));
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
