import type { CallOptions } from '@mabuild/oci';
import { prepareSandbox, type SandboxOptions, sandboxOrder } from '../choice/choose.ts';
import { removeTree } from '../files/remove-tree.ts';
import { runJob } from '../helper/helper-process.ts';
import { allSandboxLeftovers, sandboxLeftovers } from './leftovers.ts';

/**
 * Deletes what sandboxes left that were ended in the middle, each as the users that its files belong to.
 *
 * @returns what is gone now
 */
export async function sweepSandboxes(
  options: SandboxOptions,
  call: CallOptions = {},
): Promise<readonly string[]> {
  const before = allSandboxLeftovers(options.directory);
  for (const [kind, fileSystem] of before.length === 0 ? [] : sandboxOrder(options)) {
    const { site, job } = await prepareSandbox(options, kind, fileSystem);
    if (sandboxLeftovers(site.directory).length === 0) continue;
    // A helper begins by clearing up.
    await runJob(site, { ...job, layers: [] }, call).catch(() => call.signal?.throwIfAborted());
  }
  // What a sandbox left that this user cannot have any more goes as far as its files are this user's.
  for (const path of allSandboxLeftovers(options.directory)) {
    try {
      removeTree(path);
    } catch {
      // It is reported as left.
    }
  }
  const after = new Set(allSandboxLeftovers(options.directory));
  return before.filter((path) => !after.has(path));
}
