import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

/** The repository's root. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What runs keep between them: Debian packages, stamps, type check output. Ignored by git; may be removed at any time. */
export const cache = join(root, '.cache');

const pnpm = 'pnpm@10.34.8';

/** Installs the workspace's dependencies exactly as the lock says; nothing to do when that was done for this lock. */
export async function setup() {
  const stamp = join(cache, 'setup.stamp');
  const inputs = ['pnpm-lock.yaml', 'package.json', 'pnpm-workspace.yaml'];
  const texts = await Promise.all(inputs.map((file) => readFile(join(root, file))));
  const wanted = createHash('sha256').update(Buffer.concat(texts)).digest('hex');
  const done = await readFile(stamp, 'utf8').catch(() => '');
  if (done === wanted && (await isFolder(join(root, 'node_modules', '.bin')))) return;
  console.error('installing dependencies');
  await run('npx', ['-y', pnpm, 'install', '--frozen-lockfile', '--config.confirmModulesPurge=false'], {
    cwd: root,
    env: { CI: 'true' },
  });
  await mkdir(cache, { recursive: true });
  await writeFile(stamp, wanted);
}

/** Compiles the packages into their dist folders, only what changed, and bundles the command. */
export async function build() {
  await setup();
  await run(process.execPath, [tool('typescript/bin/tsc'), '-b', 'packages/cli'], { cwd: root });
  // Its library comes with the set-up.
  const { bundleCommand } = await import('./bundle.mjs');
  await bundleCommand(root);
}

/**
 * The path of a file in the workspace's own node_modules.
 *
 * @param {string} path
 */
export function tool(path) {
  return join(root, 'node_modules', ...path.split('/'));
}

async function isFolder(path) {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
