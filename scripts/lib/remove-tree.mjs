import { readFile, rm } from 'node:fs/promises';
import { run } from './run.mjs';

/**
 * Removes a folder that engines worked in: what is still mounted below it is unmounted first.
 *
 * @param {string} dir
 */
export async function removeTree(dir) {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const mounts = mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${dir}/`));
  for (const path of mounts.reverse()) await run('umount', ['-l', path]).catch(() => {});
  await rm(dir, { recursive: true, force: true, maxRetries: 3 });
}
