import { access } from 'node:fs/promises';
import { run, which } from './run.mjs';

/** What tests and the demo run, by the command that shows it is there. */
const needed = [
  { command: 'dockerd', package: 'docker.io' },
  { command: 'docker-registry', package: 'docker-registry' },
  { command: 'qemu-arm-static', package: 'qemu-user-static' },
  { command: 'update-binfmts', package: 'binfmt-support' },
  { command: 'skopeo', package: 'skopeo' },
  { command: 'buildah', package: 'buildah' },
  { command: 'podman', package: 'podman' },
  { command: 'openssl', package: 'openssl' },
  { command: 'git', package: 'git' },
  { command: 'bwrap', package: 'bubblewrap' },
  { command: 'ssh-agent', package: 'openssh-client' },
  { command: 'gcc', package: 'gcc' },
];

/** What the slow tests run besides. */
export const bootstrap = [
  { command: 'mmdebstrap', package: 'mmdebstrap' },
  { command: 'arch-test', package: 'arch-test' },
];

/**
 * Makes sure that the engine, registry, emulators and judges are installed.
 *
 * On Debian as root what is missing is installed; elsewhere nothing is changed.
 *
 * @param {{ log: (line: string) => void, more?: { command: string, package: string }[] }} options
 * @returns {Promise<{ ready: true } | { ready: false, reason: string }>}
 */
export async function ensurePackages({ log, more = [] }) {
  const wanted = [...needed, ...more];
  const missing = await missingPackages(wanted);
  if (missing.length === 0) {
    return process.getuid?.() === 0
      ? { ready: true }
      : { ready: false, reason: 'an engine of our own needs root' };
  }
  const names = missing.join(' ');
  if (!(await isDebian())) return { ready: false, reason: `not Debian or Ubuntu; missing here: ${names}` };
  if (process.getuid?.() !== 0)
    return { ready: false, reason: `not root; install them with: apt-get install ${names}` };
  log(`installing ${names}`);
  await run('apt-get', ['-qq', 'update'], { env: { LC_ALL: 'C' } }).catch((error) => {
    // A third party's source that fails does not matter when Debian's own can be read.
    log(`apt-get update complained; going on (${String(error.message).split('\n').at(-1)})`);
  });
  await run('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', 'ca-certificates', ...missing], {
    env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' },
  });
  const still = await missingPackages(wanted);
  if (still.length > 0)
    throw new Error(`apt-get installed packages, but these are still missing: ${still.join(' ')}`);
  return { ready: true };
}

async function missingPackages(wanted) {
  const missing = [];
  for (const entry of wanted) if ((await which(entry.command)) === undefined) missing.push(entry.package);
  return missing;
}

async function isDebian() {
  return access('/etc/debian_version').then(
    () => true,
    () => false,
  );
}
