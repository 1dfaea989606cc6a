import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from '../scripts/lib/process.mjs';

/** Where Linux counts processor time of groups of processes: version 1 and 2 of its control groups. */
const places = [
  { folder: '/sys/fs/cgroup/cpuacct', file: 'cpuacct.usage', unit: 1e9, pattern: /^(\d+)/ },
  { folder: '/sys/fs/cgroup', file: 'cpu.stat', unit: 1e6, pattern: /^usage_usec (\d+)/m },
];

/**
 * Makes a group of processes whose processor time is counted, theirs that end and their children's included.
 *
 * @param {string} name
 * @returns {Promise<{ lineOf(line: readonly string[]): readonly string[], adopt(pid: number): Promise<void>,
 *   seconds(): Promise<number>, close(): Promise<void> } | undefined>} `lineOf` starts a command in the group; nothing
 *   where control groups may not be made
 */
export async function openCpuGroup(name) {
  for (const { folder, file, unit, pattern } of places) {
    const own = join(folder, `mabuild-bench-${process.pid}-${name}`);
    const seconds = async () => Number(pattern.exec(await readFile(join(own, file), 'utf8'))?.[1]) / unit;
    try {
      await mkdir(own);
      await seconds();
    } catch {
      await rmdir(own).catch(() => undefined);
      continue;
    }
    return {
      seconds,
      lineOf: (line) => ['sh', '-c', `echo $$ > ${own}/cgroup.procs && exec "$@"`, 'sh', ...line],
      async adopt(pid) {
        for (const member of await familyOf(pid)) {
          await writeFile(join(own, 'cgroup.procs'), String(member)).catch(() => undefined);
        }
      },
      async close() {
        // Processes that were killed leave it a moment later.
        for (let attempt = 0; attempt < 20; attempt++) {
          if (
            await rmdir(own).then(
              () => true,
              () => false,
            )
          )
            return;
          await pause(100);
        }
      },
    };
  }
  return undefined;
}

/** A process and all that it started. */
async function familyOf(pid) {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const below = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => familyOf(Number(child))),
  );
  return [pid, ...below.flat()];
}
